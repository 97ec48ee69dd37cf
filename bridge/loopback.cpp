#include "bridge/loopback.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "bridge/error.h"

namespace bridge {
namespace {

sockaddr_in loopback(int port) noexcept {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A socket bound to a free port; -1.
int bound_socket(int& port) noexcept {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) return -1;
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(made, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
      ::getsockname(made, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    port = ntohs(address.sin_port);
    return made;
  }
  ::close(made);
  return -1;
}

}  // namespace

int connect_loopback(int port) noexcept {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) return -1;
  const sockaddr_in address = loopback(port);
  if (::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return made;
  ::close(made);
  return -1;
}

int listen_loopback(int backlog, int& port) noexcept {
  const int made = bound_socket(port);
  if (made < 0 || ::listen(made, backlog) == 0) return made;
  ::close(made);
  return -1;
}

int free_port() {
  int port = 0;
  const int made = bound_socket(port);
  if (made < 0) throw SetupError(std::string("no free port on 127.0.0.1: ") + std::strerror(errno));
  ::close(made);
  return port;
}

}  // namespace bridge
