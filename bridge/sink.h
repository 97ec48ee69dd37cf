// Sink: where results go. Called by the publisher thread only.
#pragma once

#include <cstdint>
#include <string>

namespace bridge {

struct Publication {
  std::string topic;
  std::string payload;
  int qos = 0;
  bool retain = false;
  bool urgent = false;  // a flag: a sink that takes few at once keeps a place for it
};

class Sink {
 public:
  using Ticket = std::uint64_t;
  enum class Accepted {
    done,     // out of our hands (QoS 0, a file): no completion follows
    pending,  // under way: one completion with this ticket follows
    later,    // not now: not connected, or the library's buffer is full; try again
    refused,  // never: the topic or payload is not acceptable
  };
  // How a pending publication ended.
  enum class Ended {
    acknowledged,
    refused,  // the broker said no (not authorised, quota, ...)
    lost,  // the connection or session ended before it was acknowledged: publish it again. Until every loss
           // of that end has been taken by completed(), publish() answers `later`: what was lost goes before
           // what is new
  };
  struct Completion {
    Ticket ticket;
    Ended ended;
  };

  virtual ~Sink() = default;
  // Does not wait.
  [[nodiscard]] virtual Accepted publish(const Publication& publication, Ticket ticket) noexcept = 0;
  // Takes one completion, in any order; false when there is none now.
  [[nodiscard]] virtual bool completed(Completion& out) noexcept = 0;
};

}  // namespace bridge
