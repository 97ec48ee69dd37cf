// WireStream: the bytes of one connection, in plain TCP (wire_socket.cpp) or TLS (wire_tls.cpp). Never waits:
// where it would have to, it says for what. One owner, one thread; closes the socket when it goes.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bridge/tls_context.h"

namespace bridge {

class WireStream {
 public:
  enum class Step { done, wants_read, wants_write, failed };

  virtual ~WireStream() = default;
  // The handshake, if there is one; to be called again when what it wants has come.
  [[nodiscard]] virtual Step open() noexcept = 0;
  // As much as has come and `to` holds; done: `got` > 0 bytes. failed: it has ended, or broke.
  [[nodiscard]] virtual Step read(std::span<char> to, std::size_t& got) noexcept = 0;
  // done: `put` > 0 bytes were taken. Precondition: there are some.
  [[nodiscard]] virtual Step write(std::string_view bytes, std::size_t& put) noexcept = 0;
  // Bytes have been taken from the socket and not yet read: it need not become readable for them.
  [[nodiscard]] virtual bool pending() const noexcept = 0;
  // Says that nothing more will be written, as well as that goes.
  virtual void finish() noexcept = 0;
  [[nodiscard]] virtual int descriptor() const noexcept = 0;
};

using WireClock = std::chrono::steady_clock;

// Waits until the socket is ready for reading (or for writing) or this time; false: give up.
using WireWait = std::function<bool(int descriptor, bool to_write, WireClock::time_point until)>;

// A socket connected to host:port, non-blocking, without Nagle's delay; -1 where there is none by the
// deadline. Tries every address of the name. Resolving it takes the time it takes.
[[nodiscard]] int open_wire_socket(const std::string& host, int port, WireClock::time_point deadline,
                                   const WireWait& wait);

// What has come is acknowledged now. The broker's system holds small messages back until what it sent before
// is acknowledged (Nagle's algorithm), which ours puts off for up to 40 ms. Holds until the next read.
void acknowledge_now(int descriptor) noexcept;

// Both take the socket. The second: null where there is no memory. `context` outlives it.
[[nodiscard]] std::unique_ptr<WireStream> plain_stream(int descriptor);
[[nodiscard]] std::unique_ptr<WireStream> tls_stream(int descriptor, const TlsContext& context,
                                                     const std::string& host);

}  // namespace bridge
