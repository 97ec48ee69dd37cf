#include "bridge/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "bridge/text.h"

namespace bridge {
namespace {

std::optional<std::string> load(SSL_CTX* context, const TlsConfig& tls) {
  const auto error = [] { return " (" + tls_library_error("no reason is known") + ")"; };
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
    return "TLS cannot be had" + error();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  const bool trusted = tls.ca.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                                      : SSL_CTX_load_verify_locations(context, tls.ca.c_str(), nullptr) == 1;
  if (!trusted) return "broker.tls.ca: " + shown(tls.ca) + " holds no certificate in PEM form" + error();
  if (!tls.cert.empty() && SSL_CTX_use_certificate_chain_file(context, tls.cert.c_str()) != 1)
    return "broker.tls.cert: " + shown(tls.cert) + " holds no certificate in PEM form" + error();
  const std::string& key = tls.key.empty() ? tls.cert : tls.key;
  if (!key.empty() && SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return "broker.tls.key: " + shown(key) + " holds no private key for that certificate" + error();
  return std::nullopt;
}

}  // namespace

TlsContext::TlsContext(const TlsConfig& tls) : context_(SSL_CTX_new(TLS_client_method())) {
  ERR_clear_error();
  problem_ = load(context_, tls);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

bool expect_host(ssl_st* session, const std::string& host) {
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(session);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return true;
  ERR_clear_error();
  return SSL_set_tlsext_host_name(session, host.c_str()) == 1 &&
         X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), 0) == 1;
}

std::string tls_library_error(const char* silence) {
  const unsigned long code = ERR_get_error();
  if (code == 0) return silence;
  const char* const reason = ERR_reason_error_string(code);
  return reason == nullptr ? "error " + std::to_string(code) : reason;
}

}  // namespace bridge
