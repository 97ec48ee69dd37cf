// HTTP: /metrics, /healthz (the process runs), /readyz (connected and subscribed), on its own threads.
// Nothing else is served. Bounded: at most 4 requests at once and 16 waiting; a request has 16 KiB and 2 s to
// arrive; one request a connection.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "bridge/stats.h"

namespace bridge {

class HttpServer {
 public:
  // Listens on "address:port" (port 0: any). `stats` is called on the server's threads, and must be safe
  // there. Throws SetupError when the address cannot be listened on (naming it, and what to do).
  HttpServer(const std::string& listen, std::function<Stats()> stats);
  ~HttpServer();  // stops and joins
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] int port() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

// As http.listen says: null where it is empty.
[[nodiscard]] std::unique_ptr<HttpServer> http_server(const std::string& listen,
                                                      std::function<Stats()> stats);
// "port 9641", or "off" where it is null: for the log.
[[nodiscard]] std::string whereabouts(const std::unique_ptr<HttpServer>& server);

}  // namespace bridge
