// TLS for the native link, through OpenSSL. Its writes may raise SIGPIPE: the thread that calls must have it
// blocked.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "bridge/wire_stream.h"

namespace bridge {
namespace {

class TlsStream final : public WireStream {
 public:
  TlsStream(int descriptor, SSL* session) : descriptor_(descriptor), session_(session) {}
  ~TlsStream() override {
    SSL_free(session_);
    ::close(descriptor_);
  }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  Step open() noexcept override {
    ERR_clear_error();
    return step_of(SSL_connect(session_));
  }
  // A record holds 16 KiB at most: takes one after the other.
  Step read(std::span<char> to, std::size_t& got) noexcept override {
    got = 0;
    while (got < to.size()) {
      std::size_t count = 0;
      ERR_clear_error();
      const int result = SSL_read_ex(session_, to.data() + got, to.size() - got, &count);
      if (result != 1) return got != 0 ? Step::done : step_of(result);
      got += count;
    }
    return Step::done;
  }
  Step write(std::string_view bytes, std::size_t& put) noexcept override {
    ERR_clear_error();
    return step_of(SSL_write_ex(session_, bytes.data(), bytes.size(), &put));
  }
  [[nodiscard]] bool pending() const noexcept override { return SSL_has_pending(session_) == 1; }
  void finish() noexcept override {
    ERR_clear_error();
    (void)SSL_shutdown(session_);
  }
  [[nodiscard]] int descriptor() const noexcept override { return descriptor_; }

 private:
  [[nodiscard]] Step step_of(int result) const noexcept {
    if (result == 1) return Step::done;
    switch (SSL_get_error(session_, result)) {
      case SSL_ERROR_WANT_READ:
        return Step::wants_read;
      case SSL_ERROR_WANT_WRITE:
        return Step::wants_write;
      default:
        return Step::failed;
    }
  }

  const int descriptor_;
  SSL* const session_;
};

}  // namespace

std::unique_ptr<WireStream> tls_stream(int descriptor, const TlsContext& context, const std::string& host) {
  SSL* const session = SSL_new(context.get());
  if (session == nullptr || SSL_set_fd(session, descriptor) != 1 || !expect_host(session, host)) {
    SSL_free(session);
    ::close(descriptor);
    return nullptr;
  }
  SSL_set_mode(session, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return std::make_unique<TlsStream>(descriptor, session);
}

}  // namespace bridge
