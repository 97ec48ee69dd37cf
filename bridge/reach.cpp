#include "bridge/reach.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace bridge {
namespace {

std::string words_of(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "connection refused (nothing listens on that port)";
    case EHOSTUNREACH:
    case ENETUNREACH:
      return "no route to the host";
    case ETIMEDOUT:
      return "no answer";
    default:
      return std::generic_category().message(error);
  }
}

// The address the MQTT library would take: the first of IPv4, else the last.
const addrinfo* chosen(const addrinfo* list) {
  const addrinfo* at = list;
  while (at->ai_family != AF_INET && at->ai_next != nullptr) at = at->ai_next;
  return at;
}

// 0, or the error.
int finish_connect(int socket, Duration most) {
  pollfd waited{socket, POLLOUT, 0};
  const int ready =
      ::poll(&waited, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(most).count()));
  if (ready <= 0) return ready == 0 ? ETIMEDOUT : errno;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void make_blocking(int socket, Duration most) {
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) & ~O_NONBLOCK);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(most);
  const timeval limit{seconds.count(),
                      std::chrono::duration_cast<std::chrono::microseconds>(most - seconds).count()};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

}  // namespace

int open_tcp(const std::string& host, int port, Duration most, std::string& problem) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) {
    problem = std::string("the host's name cannot be resolved (") + ::gai_strerror(code) + ")";
    return -1;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  const addrinfo* const address = chosen(found);
  const int socket = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int error = socket < 0 ? errno : 0;
  if (error == 0 && ::connect(socket, address->ai_addr, address->ai_addrlen) != 0) {
    error = errno == EINPROGRESS ? finish_connect(socket, most) : errno;
  }
  if (error == 0) {
    make_blocking(socket, most);
    return socket;
  }
  problem = error == ETIMEDOUT ? "no answer within " + format_duration(most) : words_of(error);
  if (socket >= 0) ::close(socket);
  return -1;
}

std::optional<std::string> tcp_problem(const std::string& host, int port, Duration most) {
  std::string problem;
  const int socket = open_tcp(host, port, most, problem);
  if (socket < 0) return problem;
  ::close(socket);
  return std::nullopt;
}

}  // namespace bridge
