// Offenders: the names that most of what found no room came under. Of n samples, every name of more than n /
// 16 is among them, and none has fewer than is said of it less n / 16 (Space-Saving; Metwally, Agrawal, El
// Abbadi 2005). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace bridge {

struct Offender {
  std::string key;
  std::string value;          // of the key; its first 256 bytes
  std::uint64_t samples = 0;  // at most
};

class Offenders {
 public:
  void add(std::string_view key, std::string_view value);
  // The most frequent first, at most `most` of them.
  [[nodiscard]] std::vector<Offender> top(std::size_t most) const;

 private:
  static constexpr std::size_t names_max = 16;
  static constexpr std::size_t value_bytes_max = 256;

  mutable std::mutex mutex_;
  std::vector<Offender> names_;
};

}  // namespace bridge
