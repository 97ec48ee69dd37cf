#include "core/judge.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "core/arena.h"
#include "core/emitter.h"

namespace core {
namespace {

// More of a state is seldom looked at: what the first samples need, hours of the day.
constexpr std::size_t touched_most = 160;

std::optional<double> finite(double value) noexcept {
  return std::isfinite(value) ? std::optional{value} : std::nullopt;
}

template <class Spec, class... Kinds>
void make(const Spec& spec, std::optional<std::variant<Kinds...>>& made) {
  const auto one = [&]<class Kind>(std::type_identity<Kind>) {
    static_assert(std::is_trivially_copyable_v<typename Kind::State> && alignof(typename Kind::State) <= 8);
    if constexpr (std::is_same_v<typename Kind::Spec, Spec>) made.emplace(std::in_place_type<Kind>, spec);
  };
  (one(std::type_identity<Kinds>{}), ...);
}

}  // namespace

Judge::Judge(std::uint32_t index, const DetectorSpec& spec, Detector detector, Room& room)
    : detector_(std::move(detector)), life_(spec.life), on_(spec.on), index_(index) {
  const std::size_t bytes = std::visit([](const auto& kind) { return kind.bytes(); }, detector_);
  offset_ = room.reserve(sizeof(FlagLife) + bytes, Arena::line);
  touched_ = sizeof(FlagLife) + std::min(bytes, touched_most);
}

void Judge::look(std::byte* block, const Point& point, bool reports, Emitter& emitter,
                 double base) const noexcept {
  auto& life = *reinterpret_cast<FlagLife*>(block + offset_);
  std::byte* const at = block + offset_ + sizeof(FlagLife);
  const Point judged{point.time, point.value - base};
  Verdict verdict = std::visit(
      [&]<class Kind>(const Kind& kind) {
        return kind.add(*reinterpret_cast<typename Kind::State*>(at), judged, reports || life.up());
      },
      detector_);
  const FlagLife::Change change = life.advance(verdict, point.time, life_);
  if (change == FlagLife::Change::none && !reports) [[likely]]
    return;
  verdict.expected += base;
  verdict.low += base;
  verdict.high += base;
  if (reports) emitter.judgement({index_, point.time, point.value, verdict, life.up()});
  if (change == FlagLife::Change::none) return;
  emitter.flag({.detector = index_,
                .state = change == FlagLife::Change::raise  ? FlagState::raised
                         : change == FlagLife::Change::flap ? FlagState::flapping
                                                            : FlagState::cleared,
                .time = point.time,
                .since = life.since(),
                .value = point.value,
                .expected = finite(verdict.expected),
                .low = finite(verdict.low),
                .high = finite(verdict.high),
                .score = verdict.score});
}

void Judge::give_up(const std::byte* block, Time now, Emitter& emitter) const noexcept {
  const auto& life = *reinterpret_cast<const FlagLife*>(block + offset_);
  if (!life.up()) return;
  emitter.flag({.detector = index_,
                .state = FlagState::cleared,
                .time = now,
                .since = life.since(),
                .value = {},
                .expected = {},
                .low = {},
                .high = {},
                .score = 0});
}

std::optional<Detector> make_detector(const DetectorSpec::Kind& kind) {
  std::optional<Detector> made;
  std::visit([&](const auto& spec) { make(spec, made); }, kind);
  return made;
}

std::size_t state_bytes(const DetectorSpec& spec) {
  if (const auto detector = make_detector(spec.kind))
    return sizeof(FlagLife) + std::visit([](const auto& kind) { return kind.bytes(); }, *detector);
  return Silence{std::get<SilenceSpec>(spec.kind)}.bytes();
}

}  // namespace core
