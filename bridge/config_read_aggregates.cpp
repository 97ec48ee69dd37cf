#include <algorithm>

#include "bridge/config_names.h"
#include "bridge/config_read.h"
#include "bridge/text.h"

namespace bridge {
namespace {

using core::WindowSpec;

void read_names(ObjectReader& in, Problems& problems, WindowSpec& spec) {
  std::vector<core::Aggregate> aggregates;
  const bool present = in.elements("aggregates", [&](const Node& node, const std::string& at) {
    const auto text = text_of(node, at, problems);
    if (!text) return;
    const auto found = core::find_aggregate(*text);
    if (!found) {
      std::string words = shown(*text) + ": must be one of " + alternatives(core::aggregate_names());
      if (const auto meant = nearest(*text, core::aggregate_names()); !meant.empty())
        words += "; did you mean " + shown(meant) + "?";
      problems.add(at, words);
    } else if (std::find(aggregates.begin(), aggregates.end(), *found) != aggregates.end()) {
      problems.add(at,
                   shown(*text) + ": stands twice (as " + shown(core::name(*found)) + "); keep one of them");
    } else {
      aggregates.push_back(*found);
    }
  });
  if (!present) return;
  if (in.find("aggregates")->items.empty()) {
    in.problem("aggregates",
               "an empty array: must name at least one of " + alternatives(core::aggregate_names()));
  }
  // Where none could be read, the default stands in for them.
  if (!aggregates.empty()) spec.aggregates = std::move(aggregates);
}

void read_range(ObjectReader& in, Problems& problems, WindowSpec& spec) {
  std::vector<double> range;
  const bool present = in.elements("range", [&](const Node& node, const std::string& at) {
    if (node.kind == Node::Kind::number)
      range.push_back(node.number);
    else
      problems.add(at, node.seen() + ": must be a number");
  });
  if (!present) return;
  if (in.find("range")->items.size() != 2) {
    in.problem("range", in.find("range")->seen() + ": must be [low, high]");
    range = {0, 0};
  }
  range.resize(2);  // reported
  spec.range = {range[0], range[1]};
}

void read_aggregate_keys(ObjectReader& in, Problems& problems, WindowSpec& spec) {
  in.number("above", spec.above);
  in.number("below", spec.below);
  read_range(in, problems, spec);
  in.choice("outliers", spec.outliers, outliers_names);
  in.number("error", spec.error);
  in.integer("kept", spec.kept, 0, 1024);
  in.duration("half_life", spec.half_life);
  in.duration("hold", spec.hold);
  in.choice("interpolate", spec.linear, interpolate_names);
  for (const AggregateKey& one : aggregate_keys) {
    if (in.find(one.key) == nullptr || has_key(spec, one.key)) continue;
    if (asks_for(spec, one)) {
      in.problem(one.key,
                 "has no effect in a window that moves with every sample: its results are exact; "
                 "leave it out");
    } else {
      in.problem(one.key, "has no effect without " + std::string{one.words} +
                              " among the aggregates; add that, or leave it out");
    }
  }
}

}  // namespace

void read_aggregates(ObjectReader& in, Problems& problems, WindowSpec& spec) {
  read_names(in, problems, spec);
  read_aggregate_keys(in, problems, spec);
}

void add_cadence(WindowSpec& spec, Duration cadence) {
  spec.cadence = cadence;
  for (const auto kind : {core::AggregateKind::completeness, core::AggregateKind::gap}) {
    const core::Aggregate one{kind};
    auto& all = spec.aggregates;
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
  }
}

}  // namespace bridge
