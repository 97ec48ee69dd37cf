// TCP for the native link: opening a socket, and the stream that is nothing but it.
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "bridge/wire_stream.h"

namespace bridge {
namespace {

class PlainStream final : public WireStream {
 public:
  explicit PlainStream(int descriptor) : descriptor_(descriptor) {}
  ~PlainStream() override { ::close(descriptor_); }
  PlainStream(const PlainStream&) = delete;
  PlainStream& operator=(const PlainStream&) = delete;

  Step open() noexcept override { return Step::done; }
  Step read(std::span<char> to, std::size_t& got) noexcept override {
    const ssize_t count = retried([&] { return ::recv(descriptor_, to.data(), to.size(), 0); });
    if (count == 0) return Step::failed;
    return step_of(count, got, Step::wants_read);
  }
  Step write(std::string_view bytes, std::size_t& put) noexcept override {
    const ssize_t count =
        retried([&] { return ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    return step_of(count, put, Step::wants_write);
  }
  [[nodiscard]] bool pending() const noexcept override { return false; }
  void finish() noexcept override { ::shutdown(descriptor_, SHUT_WR); }
  [[nodiscard]] int descriptor() const noexcept override { return descriptor_; }

 private:
  template <class Call>
  static ssize_t retried(const Call& call) noexcept {
    ssize_t count;
    do count = call();
    while (count < 0 && errno == EINTR);
    return count;
  }
  static Step step_of(ssize_t count, std::size_t& moved, Step otherwise) noexcept {
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? otherwise : Step::failed;
    moved = static_cast<std::size_t>(count);
    return Step::done;
  }

  const int descriptor_;
};

// True: connected by `until`.
bool connected(int socket, const addrinfo& address, WireClock::time_point until, const WireWait& wait) {
  if (::connect(socket, address.ai_addr, address.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS || !wait(socket, true, until)) return false;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

}  // namespace

int open_wire_socket(const std::string& host, int port, WireClock::time_point deadline,
                     const WireWait& wait) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return -1;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  int left = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) ++left;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next, --left) {
    const int socket = ::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0) continue;
    const WireClock::time_point now = WireClock::now();
    // An address that does not answer leaves time for the others.
    if (now < deadline && connected(socket, *one, now + (deadline - now) / left, wait)) {
      const int on = 1;
      (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket;
    }
    ::close(socket);
  }
  return -1;
}

void acknowledge_now(int descriptor) noexcept {
  const int on = 1;
  (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

std::unique_ptr<WireStream> plain_stream(int descriptor) { return std::make_unique<PlainStream>(descriptor); }

}  // namespace bridge
