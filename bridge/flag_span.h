// Flags as results tell them: when each was up. Read from the messages themselves
// (schemas/flag.schema.json), so that what is compared is what would be published. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/outbox.h"
#include "core/time.h"

namespace bridge {

struct FlagSpan {
  std::string id;      // schemas/README.md
  std::string series;  // the id without its last part: stream, detector, keys, field
  std::string rule;    // "stream/detector"
  core::Time raised;
  std::optional<core::Time> ended;  // nothing: still up at the end
  bool cleared = false;             // ended because it was cleared, not because its series began anew
  std::string why;                  // "value 48.2, expected 21.4, ..."
};

class FlagSpans {
 public:
  // Precondition: the engine is settled. Takes all that the outboxes hold.
  void take(const std::vector<Outbox*>& outboxes);
  // By series, then time.
  [[nodiscard]] std::vector<FlagSpan> finish();

 private:
  void add(std::string_view payload);

  std::map<std::string, FlagSpan, std::less<>> by_id_;
};

}  // namespace bridge
