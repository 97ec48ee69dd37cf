// TakenTopics: which of the broker's messages are for weir. Broker's thread only; it remembers no topics, so
// what it costs is bounded by the number of streams, and it allocates nothing once it is made.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bridge/config.h"

namespace bridge {

class TakenTopics {
 public:
  explicit TakenTopics(const std::vector<StreamConfig>& streams);

  // The first stream whose pattern takes the topic is not an ignored one. Never for a topic that begins with
  // "$".
  [[nodiscard]] bool take(std::string_view topic) const;

 private:
  class Filter {
   public:
    explicit Filter(std::string_view filter);
    [[nodiscard]] bool takes(std::string_view topic) const;  // which does not begin with "$"

   private:
    std::vector<std::string> texts_;  // before, between and after all "+"; never empty
    bool rest_;                       // "#" follows
  };
  struct Stream {
    Filter filter;
    bool ignore;
  };
  std::vector<Stream> streams_;
};

}  // namespace bridge
