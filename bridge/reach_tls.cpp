#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>

#include "bridge/reach.h"
#include "bridge/text.h"
#include "bridge/tls_context.h"

namespace bridge {
namespace {

template <auto release>
struct Releaser {
  template <typename T>
  void operator()(T* object) const noexcept {
    release(object);
  }
};
using Session = std::unique_ptr<SSL, Releaser<SSL_free>>;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string library_error() {
  return tls_library_error(
      "the broker closed the connection during the handshake; does it speak TLS on this port?");
}

std::string names_of(X509* certificate) {
  std::string names;
  auto* const list =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; list != nullptr && i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(list, i);
    if (name->type != GEN_DNS) continue;
    const auto* const text = ASN1_STRING_get0_data(name->d.dNSName);
    names += (names.empty() ? "" : ", ") +
             std::string(reinterpret_cast<const char*>(text),
                         static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  GENERAL_NAMES_free(list);
  return names.empty() ? "other names" : shown(names);
}

// Called for each certificate of the broker's chain: keeps the names of the last, its own. They are gone when
// the handshake has failed.
int keep_names(int good, X509_STORE_CTX* store) {
  if (X509_STORE_CTX_get_error_depth(store) == 0) {
    const auto* const session =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    *static_cast<std::string*>(SSL_get_app_data(session)) = names_of(X509_STORE_CTX_get_current_cert(store));
  }
  return good;
}

std::string words_of(long verdict, const std::string& names, const std::string& host) {
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "its certificate has expired; renew it at the broker, or check this machine's clock";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid yet; check this machine's clock";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "its certificate is for " + names + ", not for " + shown(host) +
             "; use one of those names in broker.url";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "its certificate is from an authority we do not trust; set broker.tls.ca to that authority's "
             "certificate";
    default:
      return std::string("its certificate is not good: ") + X509_verify_cert_error_string(verdict);
  }
}

// With TLS 1.3 a broker that wants a certificate from us says so only after the handshake.
std::optional<std::string> alert_after_handshake(SSL* session) {
  std::array<char, 1> byte{};
  if (SSL_read(session, byte.data(), 1) > 0) return std::nullopt;
  const unsigned long code = ERR_peek_error();
  if (code == 0 || ERR_GET_LIB(code) != ERR_LIB_SSL) return std::nullopt;
  return "the broker ended it: " + library_error() +
         "; it may want a certificate from us: broker.tls.cert and broker.tls.key";
}

}  // namespace

std::optional<std::string> tls_files_problem(const TlsConfig& tls) { return TlsContext(tls).problem(); }

std::optional<std::string> tls_problem(const std::string& host, int port, const TlsConfig& tls,
                                       Duration most) {
  ERR_clear_error();
  const TlsContext context(tls);
  if (context.problem()) return context.problem();
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, keep_names);
  std::string unreachable;
  const Socket socket(open_tcp(host, port, most, unreachable));
  if (socket.get() < 0) return unreachable;
  const Session session(SSL_new(context.get()));
  if (session == nullptr || SSL_set_fd(session.get(), socket.get()) != 1) return library_error();
  std::string names = "other names";
  SSL_set_app_data(session.get(), &names);
  if (!expect_host(session.get(), host)) return library_error();
  if (SSL_connect(session.get()) == 1) return alert_after_handshake(session.get());
  const long verdict = SSL_get_verify_result(session.get());
  if (verdict != X509_V_OK) return words_of(verdict, names, host);
  return library_error();
}

}  // namespace bridge
