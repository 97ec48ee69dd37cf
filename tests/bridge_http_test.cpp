// The HTTP server over real sockets on 127.0.0.1.
#include "bridge/http.h"
#include "bridge/loopback.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bridge/error.h"

namespace {

using bridge::HttpServer;
using bridge::Stats;

class Connection {
 public:
  explicit Connection(int port) : socket_(bridge::connect_loopback(port)) { REQUIRE(socket_ >= 0); }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(std::string_view text) const {
    static_cast<void>(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL));
  }
  // All until the server ends the connection.
  [[nodiscard]] std::string receive() const {
    std::string text;
    char part[4096];
    for (ssize_t got = 0; (got = ::recv(socket_, part, sizeof part, 0)) > 0;)
      text.append(part, static_cast<std::size_t>(got));
    return text;
  }

 private:
  int socket_;
};

std::string ask(int port, const std::string& request) {
  const Connection connection(port);
  connection.send(request);
  return connection.receive();
}

std::string get(int port, const std::string& path, const std::string& more = "") {
  return ask(port, "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n");
}

int status(const std::string& reply) {
  return reply.starts_with("HTTP/1.1 ") ? std::stoi(reply.substr(9, 3)) : -1;
}
std::string body(const std::string& reply) {
  const std::size_t at = reply.find("\r\n\r\n");
  return at == std::string::npos ? "" : reply.substr(at + 4);
}

Stats ready() {
  Stats stats;
  stats.broker = "localhost:1883";
  stats.connected = true;
  stats.subscribed = true;
  stats.received = 4711;
  return stats;
}

}  // namespace

TEST_CASE("three paths and no other") {
  const HttpServer server("127.0.0.1:0", ready);
  REQUIRE(server.port() > 0);
  const auto check = [&](const std::string& request, int expected) {
    CAPTURE(request);
    CHECK(status(ask(server.port(), request + " HTTP/1.1\r\nHost: x\r\n\r\n")) == expected);
  };
  check("GET /metrics", 200);
  check("GET /metrics?x=1", 200);
  check("GET /healthz", 200);
  check("GET /readyz", 200);
  check("HEAD /healthz", 200);
  check("GET /", 404);
  check("GET /metrics/", 404);
  check("GET /metricsx", 404);
  check("GET /x/metrics", 404);
  check("GET /../../etc/passwd", 404);
  check("GET /%2e%2e/etc/passwd", 404);
  check("POST /metrics", 404);
  check("PUT /healthz", 404);
  check("DELETE /readyz", 404);
  check("BREW /metrics", 400);
  CHECK(status(ask(server.port(), "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nxx")) ==
        404);
  CHECK(status(ask(server.port(), "nonsense\r\n\r\n")) == 400);

  const std::string metrics = get(server.port(), "/metrics");
  CHECK(metrics.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n") != std::string::npos);
  CHECK(body(metrics).find("\nweir_messages_received_total 4711\n") != std::string::npos);
  CHECK(body(get(server.port(), "/healthz")) == "ok\n");
}

TEST_CASE("ready means connected and subscribed") {
  Stats stats = ready();
  const HttpServer server("127.0.0.1:0", [&] { return stats; });
  const auto check = [&](int expected, const std::string& text) {
    const std::string reply = get(server.port(), "/readyz");
    CHECK(status(reply) == expected);
    CHECK(body(reply) == text);
    CHECK(status(get(server.port(), "/healthz")) == 200);
  };
  check(200, "ready\n");
  stats.subscribed = false;
  check(503, "connected to localhost:1883, not subscribed\n");
  stats.connected = false;
  check(503, "not connected to localhost:1883\n");
  stats.last_error = "refused\n\x1b[2J";
  check(503, "not connected to localhost:1883: refused\\n\\u001b[2J\n");
}

TEST_CASE("requests have bounds") {
  const HttpServer server("127.0.0.1:0", ready);
  const auto alive = [&] { return status(get(server.port(), "/healthz")) == 200; };
  const std::string header = "X-Long: " + std::string(1000, 'x') + "\r\n";
  std::string headers;
  for (int i = 0; i < 10; ++i) headers += header;
  CHECK(status(get(server.port(), "/healthz", headers)) == 200);
  headers += headers;  // 20 KB: over 16 KiB in all
  CHECK(status(get(server.port(), "/healthz", headers)) != 200);
  CHECK(alive());
  CHECK(status(get(server.port(), "/" + std::string(9000, 'x'))) != 200);
  CHECK(status(get(server.port(), "/healthz", "X: " + std::string(9000, 'x') + "\r\n")) != 200);
  CHECK(status(ask(server.port(),
                   "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nxx")) != 200);
  CHECK(status(get(server.port(), "/metrics", "Range: bytes=0-1,0-1,0-1\r\n")) == 400);
  CHECK(alive());
}

TEST_CASE("connections that say nothing stop nothing") {
  std::vector<std::unique_ptr<Connection>> idle;
  {
    const HttpServer server("127.0.0.1:0", ready);
    // More than there are threads and places to wait.
    for (int i = 0; i < 40; ++i) idle.push_back(std::make_unique<Connection>(server.port()));
    idle.clear();
    CHECK(status(get(server.port(), "/healthz")) == 200);
    for (int i = 0; i < 40; ++i) idle.push_back(std::make_unique<Connection>(server.port()));
    // And the server ends while they are open.
  }
  for (const auto& connection : idle) CHECK(connection->receive() == "");
}

TEST_CASE("many ask at once") {
  std::atomic<int> asked = 0;
  const HttpServer server("127.0.0.1:0", [&] {
    ++asked;
    return ready();
  });
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 20; ++k) good += status(get(server.port(), "/metrics")) == 200 ? 1 : 0;
      });
    }
  }
  CHECK(good == 160);
  CHECK(asked == 160);
}

TEST_CASE("a failing request costs itself alone") {
  const HttpServer server("127.0.0.1:0", []() -> Stats { throw std::runtime_error("no stats"); });
  const std::string reply = get(server.port(), "/metrics");
  CHECK(status(reply) == 500);
  CHECK(reply.find("no stats") == std::string::npos);
  CHECK(status(get(server.port(), "/healthz")) == 200);
}

TEST_CASE("started and stopped at once") {
  for (int i = 0; i < 20; ++i) const HttpServer server("127.0.0.1:0", ready);
}

TEST_CASE("an address that cannot be listened on is a setup error") {
  const auto refused = [](const std::string& listen, const std::string& message) {
    try {
      const HttpServer server(listen, ready);
      FAIL_CHECK("accepted: " << listen);
    } catch (const bridge::SetupError& error) {
      CHECK(std::string(error.what()) == message);
    }
  };
  const auto no_address = [&](const std::string& listen) {
    refused(listen,
            "http.listen: \"" + listen +
                "\" is not address:port; write for example 127.0.0.1:9641 or [::1]:9641 (port 0 to 65535)");
  };
  no_address("");
  no_address("9641");
  no_address(":9641");
  no_address("127.0.0.1");
  no_address("127.0.0.1:");
  no_address("127.0.0.1:65536");
  no_address("127.0.0.1:-1");
  no_address("127.0.0.1:96x");
  no_address("::1:9641");
  no_address("[]:9641");
  const HttpServer server("127.0.0.1:0", ready);
  const std::string taken = "127.0.0.1:" + std::to_string(server.port());
  refused(taken, "http: cannot listen on " + taken +
                     ": another program uses that port; end it, or set http.listen to another port (port 0: "
                     "any free one)");
  // 203.0.113.0/24 is for documentation; no machine has an address of it.
  refused("203.0.113.7:0",
          "http: cannot listen on 203.0.113.7:0: this machine has no such address; set http.listen to one it "
          "has, "
          "or to 0.0.0.0 for all");
}
