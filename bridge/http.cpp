#include "bridge/http.h"

#include <httplib.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/metrics.h"

namespace bridge {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t threads_max = 4;
constexpr std::size_t waiting_max = 16;
constexpr std::size_t request_bytes_max = 16 << 10;
constexpr std::chrono::seconds request_time{2};
constexpr std::chrono::seconds reply_time{5};
constexpr std::chrono::milliseconds stop_seen_within{100};

// Requests waiting for a thread. enqueue() waits while it is full, so that connections beyond that stay in
// the system's backlog and cannot use up our file descriptors (httplib's own pool queues without bound).
class BoundedPool final : public httplib::TaskQueue {
 public:
  BoundedPool() {
    for (std::size_t i = 0; i < threads_max; ++i) threads_.emplace_back([this] { work(); });
  }

  void enqueue(std::function<void()> job) override {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return jobs_.size() < waiting_max || closed_; });
    jobs_.push_back(std::move(job));
    ready_.notify_one();
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
    room_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void work() {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [&] { return !jobs_.empty() || closed_; });
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      room_.notify_one();
      job();
    }
  }

  std::mutex mutex_;
  std::condition_variable ready_, room_;
  std::deque<std::function<void()>> jobs_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

// One connection, with an end to how long and how much may be read: httplib bounds single reads and lines,
// not the whole.
class BoundedStream final : public httplib::Stream {
 public:
  // Gives up as soon as `stopping` is set.
  BoundedStream(int socket, const std::atomic<bool>& stopping) : socket_(socket), stopping_(stopping) {}

  bool is_readable() const override { return wait_for(POLLIN, read_end_); }
  bool is_writable() const override { return wait_for(POLLOUT, write_end_); }

  ssize_t read(char* out, std::size_t size) override {
    if (bytes_left_ == 0 || !is_readable()) return -1;
    const ssize_t got = recv(socket_, out, std::min(size, bytes_left_), MSG_DONTWAIT);
    if (got > 0) bytes_left_ -= static_cast<std::size_t>(got);
    return got;
  }
  ssize_t write(const char* text, std::size_t size) override {
    if (!is_writable()) return -1;
    return send(socket_, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  // Who asks changes nothing and is not shown anywhere.
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

  // Ends our side and takes in what the other one still sends: closing at once would cut off a reply it has
  // not read.
  void finish() {
    ::shutdown(socket_, SHUT_WR);
    std::array<char, 1024> rest{};
    while (read(rest.data(), rest.size()) > 0) {
    }
  }

 private:
  bool wait_for(short events, Clock::time_point end) const {
    while (!stopping_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      if (left.count() <= 0) return false;
      pollfd what{socket_, events, 0};
      const int ready = poll(&what, 1, static_cast<int>(std::min(left, stop_seen_within).count()));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
    return false;
  }

  int socket_;
  const std::atomic<bool>& stopping_;
  std::size_t bytes_left_ = request_bytes_max;
  Clock::time_point read_end_ = Clock::now() + request_time;
  Clock::time_point write_end_ = Clock::now() + request_time + reply_time;
};

class BoundedServer final : public httplib::Server {
 public:
  std::atomic<bool> stopping = false;

 private:
  bool process_and_close_socket(socket_t socket) override {
    BoundedStream stream(socket, stopping);
    bool closed = false;
    const bool served = process_request(stream, true, closed, nullptr);
    stream.finish();
    ::shutdown(socket, SHUT_RDWR);
    ::close(socket);
    return served;
  }
};

struct Address {
  std::string host;
  int port;
};

std::optional<Address> parse_address(std::string_view listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = listen.substr(0, colon);
  const std::string_view port_text = listen.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || end != port_text.data() + port_text.size() || host.empty()) return std::nullopt;
  return Address{std::string(host), port};
}

// `error` is 0 when the name was not found.
[[noreturn]] void refuse(const std::string& listen, int error) {
  std::string text = "http: cannot listen on " + printable(listen) + ": ";
  switch (error) {
    case 0:
      text += "no such address; set http.listen to an address of this machine";
      break;
    case EADDRINUSE:
      text +=
          "another program uses that port; end it, or set http.listen to another port (port 0: any free one)";
      break;
    case EADDRNOTAVAIL:
      text += "this machine has no such address; set http.listen to one it has, or to 0.0.0.0 for all";
      break;
    case EACCES:
      text += "not allowed; set http.listen to a port above 1023";
      break;
    default:
      text += std::string(std::strerror(error)) + "; set http.listen to another address";
  }
  throw SetupError(text);
}

std::string not_ready_reason(const Stats& stats) {
  if (!stats.connected) {
    std::string reason = "not connected to " + printable(stats.broker);
    if (!stats.last_error.empty()) reason += ": " + printable(stats.last_error);
    return reason + "\n";
  }
  return "connected to " + printable(stats.broker) + ", not subscribed\n";
}

}  // namespace

struct HttpServer::Inner {
  BoundedServer server;
  std::function<Stats()> stats;
  int port = 0;
  std::atomic<bool> ended = false;
  std::thread thread;

  void serve() {
    server.Get("/metrics", [this](const httplib::Request&, httplib::Response& reply) {
      reply.set_content(metrics_text(stats()), "text/plain; version=0.0.4; charset=utf-8");
    });
    server.Get("/healthz", [](const httplib::Request&, httplib::Response& reply) {
      reply.set_content("ok\n", "text/plain");
    });
    server.Get("/readyz", [this](const httplib::Request&, httplib::Response& reply) {
      const Stats now = stats();
      const bool ready = now.connected && now.subscribed;
      reply.status = ready ? 200 : 503;
      reply.set_content(ready ? "ready\n" : not_ready_reason(now), "text/plain; charset=utf-8");
    });
  }

  void guard() {
    server.new_task_queue = [] { return new BoundedPool; };
    // Not SO_REUSEPORT, httplib's default: with it two programs share a port and neither is told.
    server.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& reply) {
      // No other method is served, and no body is read.
      const bool reads = request.method == "GET" || request.method == "HEAD";
      // Thousands of ranges of one reply would make it thousands of times as large.
      const bool whole = !request.has_header("Range");
      if (reads && whole) return httplib::Server::HandlerResponse::Unhandled;
      reply.status = reads ? 400 : 404;
      return httplib::Server::HandlerResponse::Handled;
    });
    server.set_exception_handler([](const httplib::Request&, httplib::Response& reply, std::exception_ptr) {
      log_throttled(Level::error, "http", "a request failed");
      reply.status = 500;
    });
  }

  void bind(const std::string& listen) {
    const auto address = parse_address(listen);
    if (!address) {
      throw SetupError(
          "http.listen: \"" + printable(listen) +
          "\" is not address:port; write for example 127.0.0.1:9641 or [::1]:9641 (port 0 to 65535)");
    }
    errno = 0;
    if (address->port == 0) {
      port = server.bind_to_any_port(address->host);
      if (port <= 0) refuse(listen, errno);
    } else {
      if (!server.bind_to_port(address->host, address->port)) refuse(listen, errno);
      port = address->port;
    }
  }
};

HttpServer::HttpServer(const std::string& listen, std::function<Stats()> stats)
    : inner_(std::make_unique<Inner>()) {
  inner_->stats = std::move(stats);
  inner_->guard();
  inner_->serve();
  inner_->bind(listen);
  inner_->thread = std::thread([inner = inner_.get()] {
    inner->server.listen_after_bind();
    inner->ended = true;
  });
  // stop() has no effect on a server that is not running yet, so the destructor must not come before this.
  while (!inner_->server.is_running() && !inner_->ended)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

HttpServer::~HttpServer() {
  inner_->server.stopping = true;
  inner_->server.stop();
  inner_->thread.join();
}

int HttpServer::port() const { return inner_->port; }

std::unique_ptr<HttpServer> http_server(const std::string& listen, std::function<Stats()> stats) {
  return listen.empty() ? nullptr : std::make_unique<HttpServer>(listen, std::move(stats));
}

std::string whereabouts(const std::unique_ptr<HttpServer>& server) {
  return server == nullptr ? "off" : "port " + std::to_string(server->port());
}

}  // namespace bridge
