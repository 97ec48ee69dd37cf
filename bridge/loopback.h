// Sockets of this machine alone: how the bench, the brokers it starts, and the brokers that tests play are
// reached. Pure functions but for the sockets; any thread.
#pragma once

namespace bridge {

// Connected to 127.0.0.1:port; -1: nobody listens there, or there is no socket (errno).
[[nodiscard]] int connect_loopback(int port) noexcept;
// Listens on a free port of 127.0.0.1 for `backlog` connections at once; which it is, is in `port`. -1: it
// cannot (errno).
[[nodiscard]] int listen_loopback(int backlog, int& port) noexcept;
// A port of 127.0.0.1 that nobody listened on a moment ago. Throws SetupError: there is none.
[[nodiscard]] int free_port();

}  // namespace bridge
