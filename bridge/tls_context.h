// TlsContext: whom we trust and who we are, for TLS connections to the broker; OpenSSL's SSL_CTX behind a
// name. TLS 1.2 or later; the broker's certificate is always checked. One owner; connections of one thread.
#pragma once

#include <optional>
#include <string>

#include "bridge/config.h"

struct ssl_ctx_st;
struct ssl_st;

namespace bridge {

class TlsContext {
 public:
  // Reads the files. What is wrong with them says problem(): then no connection may be made.
  explicit TlsContext(const TlsConfig& tls);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }
  [[nodiscard]] ssl_ctx_st* get() const { return context_; }

 private:
  ssl_ctx_st* context_;
  std::optional<std::string> problem_;
};

// The certificate must be for this name or address; the name is sent too (SNI). False: no memory; do not
// connect.
[[nodiscard]] bool expect_host(ssl_st* session, const std::string& host);
// What the library says of the last failure on this thread; `silence` where it says nothing.
[[nodiscard]] std::string tls_library_error(const char* silence);

}  // namespace bridge
