// The keys of each kind of detector and the members they stand for, once for reading and for printing: `keys`
// is an ObjectReader, or has the same boolean(), number(), integer(), duration() and choice(). Used while
// loading or printing a configuration, by one thread.
#pragma once

#include <type_traits>

#include "bridge/config_names.h"
#include "core/detector_specs.h"

namespace bridge {

// The spec to write to, or to read from.
template <typename Spec, typename Kind>
concept spec_of = std::is_same_v<std::remove_const_t<Spec>, Kind>;

void each_key(auto& keys, spec_of<core::ThresholdSpec> auto& spec) {
  keys.number("above", spec.above);
  keys.number("below", spec.below);
  keys.number("clear", spec.clear);
}

void each_key(auto& keys, spec_of<core::RangeSpec> auto& spec) {
  keys.number("low", spec.low);
  keys.number("high", spec.high);
  keys.number("margin", spec.margin);
}

void each_key(auto& keys, spec_of<core::RateOfChangeSpec> auto& spec) {
  keys.number("rise", spec.rise);
  keys.number("fall", spec.fall);
  keys.duration("per", spec.per);
  keys.number("clear", spec.clear);
}

void each_level(auto& keys, auto& spec) {
  keys.number("raise", spec.raise);
  keys.number("clear", spec.clear);
}

void each_learned(auto& keys, auto& spec) {
  each_level(keys, spec);
  keys.integer("warmup", spec.warmup, 8, 1'000'000);
  keys.integer("memory", spec.memory, 8, 1'000'000);
  keys.number("deviation_min", spec.deviation_min);
}

void each_key(auto& keys, spec_of<core::ZscoreSpec> auto& spec) { each_learned(keys, spec); }

void each_key(auto& keys, spec_of<core::MadSpec> auto& spec) {
  each_level(keys, spec);
  keys.integer("samples", spec.samples, 5, 255);
  keys.number("deviation_min", spec.deviation_min);
}

void each_key(auto& keys, spec_of<core::IqrSpec> auto& spec) {
  each_level(keys, spec);
  keys.integer("samples", spec.samples, 5, 255);
}

void each_key(auto& keys, spec_of<core::EwmaSpec> auto& spec) {
  each_learned(keys, spec);
  keys.number("weight", spec.weight);
}

void each_key(auto& keys, spec_of<core::CusumSpec> auto& spec) {
  each_learned(keys, spec);
  keys.number("slack", spec.slack);
}

void each_key(auto& keys, spec_of<core::PageHinkleySpec> auto& spec) {
  each_learned(keys, spec);
  keys.number("slack", spec.slack);
}

void each_key(auto& keys, spec_of<core::FlatlineSpec> auto& spec) {
  keys.duration("after", spec.after);
  keys.number("tolerance", spec.tolerance);
  keys.integer("samples", spec.samples, 2, 1'000'000);
}

// And "after", which may be a word.
void each_key(auto& keys, spec_of<core::SilenceSpec> auto& spec) {
  keys.number("factor", spec.factor);
  keys.duration("least", spec.least);
}

void each_key(auto& keys, spec_of<core::SeasonalSpec> auto& spec) {
  keys.choice("period", spec.period, period_names);
  keys.integer("parts", spec.parts, 4, 336);
  each_level(keys, spec);
  keys.integer("memory", spec.memory, 2, 1000);
  keys.number("deviation_min", spec.deviation_min);
}

// And "by", which is the bridge's.
void each_key(auto& keys, spec_of<core::PeersSpec> auto& spec) {
  keys.integer("members", spec.members, 3, 1000);
  each_learned(keys, spec);
}

void each_key(auto& keys, spec_of<core::AutoSpec> auto& spec) { keys.boolean("season", spec.season); }

}  // namespace bridge
