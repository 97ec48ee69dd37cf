// What the tests of core/parts share: a state in a heap block of exactly its size, so that a sanitizer sees
// whatever a part does beyond it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <span>
#include <vector>

namespace fixture {

using Values = std::vector<double>;

inline std::uint64_t seed() {
  const char* text = std::getenv("WEIR_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20261126;
}

template <class Part>
class State {
 public:
  explicit State(const Part& part, std::span<const double> values = {})
      : part_(&part), words_(std::make_unique<std::uint64_t[]>(part.bytes() / 8)) {
    for (const double value : values) add(value);
  }
  State(const State& other) : State(*other.part_) {
    std::copy_n(other.words_.get(), part_->bytes() / 8, words_.get());
  }
  State& operator=(const State&) = delete;

  [[nodiscard]] std::byte* data() { return reinterpret_cast<std::byte*>(words_.get()); }
  [[nodiscard]] const std::byte* data() const { return reinterpret_cast<const std::byte*>(words_.get()); }
  void add(double value) { part_->add(data(), value); }
  [[nodiscard]] State with(const State& other) const {
    State result(*this);
    part_->merge(result.data(), other.data());
    return result;
  }

 private:
  const Part* part_;
  std::unique_ptr<std::uint64_t[]> words_;
};

// The values dealt to `panes` states at random, which are then merged two by two in random order.
template <class Part>
State<Part> through_panes(const Part& part, const Values& values, std::size_t panes,
                          std::mt19937_64& random) {
  std::vector<State<Part>> states;
  for (std::size_t i = 0; i < panes; ++i) states.emplace_back(part);
  for (const double value : values) states[random() % panes].add(value);
  std::vector<std::size_t> left(panes);
  for (std::size_t i = 0; i < panes; ++i) left[i] = i;
  while (left.size() > 1) {
    const std::size_t into = random() % left.size();
    const std::size_t from = (into + 1 + random() % (left.size() - 1)) % left.size();
    part.merge(states[left[into]].data(), states[left[from]].data());
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(from));
  }
  return states[left.front()];
}

}  // namespace fixture
