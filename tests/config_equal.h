// Whether two configurations say the same, member by member. A member that is added and not compared here
// does not compile: each structure is taken apart completely.
#pragma once

#include <tuple>
#include <type_traits>

#include "bridge/config.h"

namespace test {

template <typename T>
bool same(const std::vector<T>& a, const std::vector<T>& b);

inline bool same(const core::Zone::Change& a, const core::Zone::Change& b) {
  const auto& [a1, a2] = a;
  const auto& [b1, b2] = b;
  return a1 == b1 && a2 == b2;
}

inline bool same(const std::optional<core::CalendarSpec>& a, const std::optional<core::CalendarSpec>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  const auto& [a1, a2, a3, a4, a5] = *a;
  const auto& [b1, b2, b3, b4, b5] = *b;
  return std::tie(a1, a2, a3, a4, a5.name) == std::tie(b1, b2, b3, b4, b5.name) &&
         same(a5.changes, b5.changes);
}

inline bool same(const core::WindowSpec& a, const core::WindowSpec& b) {
  const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21,
               a22, a23, a24, a25, a26] = a;
  const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16, b17, b18, b19, b20, b21,
               b22, b23, b24, b25, b26] = b;
  return std::tie(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a12, a13, a14, a15, a16) ==
             std::tie(b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b12, b13, b14, b15, b16) &&
         std::tie(a17, a18, a19, a20, a21, a22, a23, a24, a25, a26) ==
             std::tie(b17, b18, b19, b20, b21, b22, b23, b24, b25, b26) &&
         same(a11, b11);
}

inline bool same(const core::LearningSpec& a, const core::LearningSpec& b) {
  const auto& [a1, a2, a3, a4, a5] = a;
  const auto& [b1, b2, b3, b4, b5] = b;
  return std::tie(a1, a2, a3, a4, a5) == std::tie(b1, b2, b3, b4, b5);
}

// Specs that share what learning needs cannot be taken apart; their own members are named.
inline bool same_own(const core::ZscoreSpec&, const core::ZscoreSpec&) { return true; }
inline bool same_own(const core::EwmaSpec& a, const core::EwmaSpec& b) { return a.weight == b.weight; }
inline bool same_own(const core::CusumSpec& a, const core::CusumSpec& b) { return a.slack == b.slack; }
inline bool same_own(const core::PageHinkleySpec& a, const core::PageHinkleySpec& b) {
  return a.slack == b.slack;
}
inline bool same_own(const core::SeasonalSpec& a, const core::SeasonalSpec& b) {
  return a.period == b.period && a.parts == b.parts;
}
inline bool same_own(const core::PeersSpec& a, const core::PeersSpec& b) { return a.members == b.members; }

template <typename Spec>
requires std::is_base_of_v<core::LearningSpec, Spec>
bool same_kind(const Spec& a, const Spec& b) {
  static_assert(std::is_same_v<Spec, core::ZscoreSpec> || sizeof(Spec) == sizeof(core::LearningSpec) + 8);
  return same(static_cast<const core::LearningSpec&>(a), static_cast<const core::LearningSpec&>(b)) &&
         same_own(a, b);
}

inline bool same_kind(const core::ThresholdSpec& a, const core::ThresholdSpec& b) {
  const auto& [a1, a2, a3] = a;
  const auto& [b1, b2, b3] = b;
  return std::tie(a1, a2, a3) == std::tie(b1, b2, b3);
}

inline bool same_kind(const core::RangeSpec& a, const core::RangeSpec& b) {
  const auto& [a1, a2, a3] = a;
  const auto& [b1, b2, b3] = b;
  return std::tie(a1, a2, a3) == std::tie(b1, b2, b3);
}

inline bool same_kind(const core::RateOfChangeSpec& a, const core::RateOfChangeSpec& b) {
  const auto& [a1, a2, a3, a4] = a;
  const auto& [b1, b2, b3, b4] = b;
  return std::tie(a1, a2, a3, a4) == std::tie(b1, b2, b3, b4);
}

inline bool same_kind(const core::MadSpec& a, const core::MadSpec& b) {
  const auto& [a1, a2, a3, a4] = a;
  const auto& [b1, b2, b3, b4] = b;
  return std::tie(a1, a2, a3, a4) == std::tie(b1, b2, b3, b4);
}

inline bool same_kind(const core::IqrSpec& a, const core::IqrSpec& b) {
  const auto& [a1, a2, a3] = a;
  const auto& [b1, b2, b3] = b;
  return std::tie(a1, a2, a3) == std::tie(b1, b2, b3);
}

inline bool same_kind(const core::FlatlineSpec& a, const core::FlatlineSpec& b) {
  const auto& [a1, a2, a3] = a;
  const auto& [b1, b2, b3] = b;
  return std::tie(a1, a2, a3) == std::tie(b1, b2, b3);
}

inline bool same_kind(const core::SilenceSpec& a, const core::SilenceSpec& b) {
  const auto& [a1, a2, a3] = a;
  const auto& [b1, b2, b3] = b;
  return std::tie(a1, a2, a3) == std::tie(b1, b2, b3);
}

inline bool same_kind(const core::AutoSpec& a, const core::AutoSpec& b) { return a.season == b.season; }

inline bool same(const core::LifeSpec& a, const core::LifeSpec& b) {
  const auto& [a1, a2, a3, a4] = a;
  const auto& [b1, b2, b3, b4] = b;
  return std::tie(a1, a2, a3, a4) == std::tie(b1, b2, b3, b4);
}

inline bool same(const std::optional<core::DetectorSpec::WindowValue>& a,
                 const std::optional<core::DetectorSpec::WindowValue>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  const auto& [a1, a2] = *a;
  const auto& [b1, b2] = *b;
  return a1 == b1 && a2 == b2;
}

inline bool same(const core::DetectorSpec& a, const core::DetectorSpec& b) {
  const auto& [a1, a2, a3, a4, a5] = a;
  const auto& [b1, b2, b3, b4, b5] = b;
  if (std::tie(a1, a2) != std::tie(b1, b2) || a4.index() != b4.index()) return false;
  const auto& other = b4;
  return same(a3, b3) && same(a5, b5) &&
         std::visit(
             [&](const auto& kind) { return same_kind(kind, std::get<std::decay_t<decltype(kind)>>(other)); },
             a4);
}

inline bool same(const bridge::FieldConfig& a, const bridge::FieldConfig& b) {
  const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9] = a;
  const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9] = b;
  return std::tie(a1, a2, a3, a4, a5, a6, a7, a8, a9) == std::tie(b1, b2, b3, b4, b5, b6, b7, b8, b9);
}

inline bool same(const std::optional<bridge::EachConfig>& a, const std::optional<bridge::EachConfig>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  const auto& [a1, a2] = *a;
  const auto& [b1, b2] = *b;
  return a1 == b1 && a2 == b2;
}

inline bool same(const bridge::PayloadConfig& a, const bridge::PayloadConfig& b) {
  const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12] = a;
  const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12] = b;
  return std::tie(a1, a2, a5, a6, a8, a9, a10, a11, a12) == std::tie(b1, b2, b5, b6, b8, b9, b10, b11, b12) &&
         same(a3, b3) && same(a4, b4) && same(a7, b7);
}

inline bool same(const bridge::WindowConfig& a, const bridge::WindowConfig& b) {
  const auto& [a1, a2, a3, a4] = a;
  const auto& [b1, b2, b3, b4] = b;
  return same(a1, b1) && std::tie(a2, a3, a4) == std::tie(b2, b3, b4);
}

inline bool same(const bridge::DetectorConfig& a, const bridge::DetectorConfig& b) {
  const auto& [a1, a2, a3, a4, a5, a6, a7] = a;
  const auto& [b1, b2, b3, b4, b5, b6, b7] = b;
  return same(a1, b1) && std::tie(a2, a3, a4, a5, a6, a7) == std::tie(b2, b3, b4, b5, b6, b7);
}

inline bool same(const bridge::StreamConfig& a, const bridge::StreamConfig& b) {
  const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16] = a;
  const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16] = b;
  return std::tie(a1, a2, a3, a4, a5, a6, a8, a9, a10, a11, a14, a15, a16) ==
             std::tie(b1, b2, b3, b4, b5, b6, b8, b9, b10, b11, b14, b15, b16) &&
         same(a7, b7) && same(a12, b12) && same(a13, b13);
}

inline bool same(const bridge::TlsConfig& a, const bridge::TlsConfig& b) {
  const auto& [a1, a2, a3] = a;
  const auto& [b1, b2, b3] = b;
  return std::tie(a1, a2, a3) == std::tie(b1, b2, b3);
}

inline bool same(const bridge::BrokerConfig& a, const bridge::BrokerConfig& b) {
  const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14] = a;
  const auto& [b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14] = b;
  return std::tie(a1, a2, a3, a4, a5, a7, a8, a9, a10, a11, a12, a13, a14) ==
             std::tie(b1, b2, b3, b4, b5, b7, b8, b9, b10, b11, b12, b13, b14) &&
         same(a6, b6);
}

inline bool same(const bridge::AggregationConfig& a, const bridge::AggregationConfig& b) {
  const auto& [a1, a2, a3, a4, a5] = a;
  const auto& [b1, b2, b3, b4, b5] = b;
  return std::tie(a1, a2, a3, a4, a5) == std::tie(b1, b2, b3, b4, b5);
}

inline bool same(const bridge::LimitsConfig& a, const bridge::LimitsConfig& b) {
  const auto& [a1, a2, a3, a4, a5] = a;
  const auto& [b1, b2, b3, b4, b5] = b;
  return std::tie(a1, a2, a3, a4, a5) == std::tie(b1, b2, b3, b4, b5);
}

inline bool same(const bridge::PublishConfig& a, const bridge::PublishConfig& b) {
  const auto& [a1, a2, a3, a4] = a;
  const auto& [b1, b2, b3, b4] = b;
  return std::tie(a1, a2, a3, a4) == std::tie(b1, b2, b3, b4);
}

inline bool same(const bridge::StatusConfig& a, const bridge::StatusConfig& b) {
  const auto& [a1, a2] = a;
  const auto& [b1, b2] = b;
  return a1 == b1 && a2 == b2;
}

inline bool same(const bridge::HttpConfig& a, const bridge::HttpConfig& b) {
  const auto& [a1] = a;
  const auto& [b1] = b;
  return a1 == b1;
}

inline bool same(const bridge::LogConfig& a, const bridge::LogConfig& b) {
  const auto& [a1, a2] = a;
  const auto& [b1, b2] = b;
  return a1 == b1 && a2 == b2;
}

inline bool same(const bridge::Config& a, const bridge::Config& b) {
  const auto& [a1, a2, a3, a4, a5, a6, a7, a8] = a;
  const auto& [b1, b2, b3, b4, b5, b6, b7, b8] = b;
  return same(a1, b1) && same(a2, b2) && same(a3, b3) && same(a4, b4) && same(a5, b5) && same(a6, b6) &&
         same(a7, b7) && same(a8, b8);
}

template <typename T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace test
