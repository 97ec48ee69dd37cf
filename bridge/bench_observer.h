// Observer: what the bench sees of a broker from outside: the results that arrive, and the broker's own count
// of what it dropped. A raw connection; one owner, one thread. Read often: what it does not take, the broker
// must hold.
#pragma once

#include <cstdint>
#include <string_view>

#include "bridge/wire_sender.h"

namespace bridge {

// What the messages that arrived say, added up.
struct ResultTally {
  std::uint64_t dropped = 0;  // PUBLISHes that the broker gave up so far, to anybody
  std::uint64_t beats = 0;    // times the broker has published its $SYS
  std::uint64_t results = 0;  // window results, without revisions
  std::uint64_t revisions = 0;
  std::uint64_t samples = 0;  // sum of the results' counts, without revisions

  void take(std::string_view topic, std::string_view payload);
};

class Observer {
 public:
  // Precondition: the broker publishes $SYS every second.
  explicit Observer(int port);

  // Takes what arrives for `wait_ms`. Throws std::runtime_error when the broker is gone.
  void watch(int wait_ms);
  // Watches until tally().dropped is of a moment after this call. Throws when the broker does not say within
  // 10 s.
  void refresh();

  [[nodiscard]] const ResultTally& tally() const { return tally_; }

 private:
  wire::Connection connection_;
  ResultTally tally_;
};

// The whole number behind `"key":` in JSON text without spaces; 0 without one.
[[nodiscard]] std::uint64_t json_count(std::string_view json, std::string_view key);
// The sum of the samples of a Prometheus text whose line begins with `prefix`: a name and a space, a name and
// "{", or a name with its labels.
[[nodiscard]] double metric_sum(std::string_view text, std::string_view prefix);

}  // namespace bridge
