// Reach: why a broker cannot be talked to, in words for the operator. Opens short connections of its own,
// sends nothing over them; any thread that may wait.
#pragma once

#include <optional>
#include <string>

#include "bridge/config.h"

namespace bridge {

// Nothing when a TCP connection to host:port can be opened within `most` (resolving the name takes the time
// it takes); else what went wrong: "connection refused", "host not found", "no answer within 800ms".
[[nodiscard]] std::optional<std::string> tcp_problem(const std::string& host, int port, Duration most);

// Why a TLS handshake with the broker fails: "its certificate has expired", "its certificate is not for host
// \"x\" (it is for
// ...)"; nothing when it succeeds. Waits at most `most` for the broker.
[[nodiscard]] std::optional<std::string> tls_problem(const std::string& host, int port, const TlsConfig& tls,
                                                     Duration most);

// What is wrong with the files themselves: unreadable, no PEM, a key that does not fit the certificate.
// Touches no network.
[[nodiscard]] std::optional<std::string> tls_files_problem(const TlsConfig& tls);

// An open TCP socket to host:port, or -1 and the reason. The caller closes it. Blocking, with `most` as its
// time limit for each read and write.
[[nodiscard]] int open_tcp(const std::string& host, int port, Duration most, std::string& problem);

}  // namespace bridge
