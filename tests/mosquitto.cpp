#include "tests/mosquitto.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "bridge/loopback.h"

namespace test {
namespace {

constexpr int patience_ms = 20'000;

std::string two_bytes(std::size_t number) {
  return {static_cast<char>(number >> 8 & 0xFF), static_cast<char>(number & 0xFF)};
}

[[noreturn]] bool skip(const std::string& missing, const std::string& package) {
  std::printf("skipped: %s is not installed (Debian: apt install %s)\n", missing.c_str(), package.c_str());
  std::fflush(stdout);
  std::_Exit(77);
}

}  // namespace

bool require_mosquitto() { return !bridge::LocalBroker::program().empty() || skip("mosquitto", "mosquitto"); }

bool require_program(const std::string& name, const std::string& package) {
  return std::system(("command -v " + name + " >/dev/null").c_str()) == 0 || skip(name, package);
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds within) {
  for (const auto end = std::chrono::steady_clock::now() + within; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return condition();
}

Wire Wire::connect(int port) {
  const int socket = bridge::connect_loopback(port);
  if (socket < 0) throw std::runtime_error("wire: connect");
  return Wire(socket);
}

Wire::~Wire() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Wire::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("wire: send");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string Wire::bytes(std::size_t count) const {
  std::string all(count, '\0');
  for (std::size_t have = 0; have < count;) {
    pollfd waited{descriptor_, POLLIN, 0};
    if (::poll(&waited, 1, patience_ms) <= 0) throw std::runtime_error("wire: nothing comes");
    const ssize_t got = ::recv(descriptor_, all.data() + have, count - have, 0);
    if (got <= 0) throw std::runtime_error("wire: closed");
    have += static_cast<std::size_t>(got);
  }
  return all;
}

Wire::Packet Wire::read() const {
  Packet packet;
  packet.head = static_cast<std::uint8_t>(bytes(1)[0]);
  std::size_t length = 0;
  for (unsigned shift = 0; shift < 28; shift += 7) {
    const auto digit = static_cast<std::uint8_t>(bytes(1)[0]);
    length |= static_cast<std::size_t>(digit & 0x7F) << shift;
    if (digit < 0x80) break;
  }
  packet.body = bytes(length);
  return packet;
}

void Wire::shut() const { ::shutdown(descriptor_, SHUT_RDWR); }

std::string mqtt_text(std::string_view text) { return two_bytes(text.size()) + std::string(text); }

std::string mqtt_packet(std::uint8_t head, std::string_view body) {
  std::string packet(1, static_cast<char>(head));
  std::size_t left = body.size();
  do {
    packet += static_cast<char>((left & 0x7F) | (left > 0x7F ? 0x80 : 0));
    left >>= 7;
  } while (left != 0);
  return packet += body;
}

RawClient::RawClient(int port, std::string_view client_id, const Login& login, bool clean)
    : wire_(Wire::connect(port)) {
  const bool named = !login.user.empty();
  const int flags = (named ? 0xC0 : 0) | (clean ? 0x02 : 0);
  std::string body =
      mqtt_text("MQTT") + '\x04' + static_cast<char>(flags) + two_bytes(0) + mqtt_text(client_id);
  if (named) body += mqtt_text(login.user) + mqtt_text(login.password);
  wire_.send(mqtt_packet(0x10, body));
  if (const Wire::Packet connack = await(2); connack.body.at(1) != 0)
    throw std::runtime_error("raw client: refused");
}

Wire::Packet RawClient::await(int type) {
  while (true) {
    Wire::Packet packet = wire_.read();
    if (packet.type() == 3) {
      const auto length = static_cast<std::size_t>(static_cast<std::uint8_t>(packet.body.at(0)) << 8 |
                                                   static_cast<std::uint8_t>(packet.body.at(1)));
      const int qos = packet.head >> 1 & 3;
      const std::string id = qos > 0 ? packet.body.substr(2 + length, 2) : "";
      held_.push_back({packet.body.substr(2, length), packet.body.substr(2 + length + id.size()),
                       (packet.head & 1) != 0});
      if (qos == 1) wire_.send(mqtt_packet(0x40, id));
      if (qos == 2) wire_.send(mqtt_packet(0x50, id));
    } else if (packet.type() == 6) {
      wire_.send(mqtt_packet(0x70, packet.body));
    }
    if (packet.type() == type) return packet;
  }
}

void RawClient::publish(std::string_view topic, std::string_view payload, int qos, bool retain) {
  const std::string id = qos > 0 ? two_bytes(++id_ == 0 ? ++id_ : id_) : "";
  wire_.send(mqtt_packet(static_cast<std::uint8_t>(0x30 | qos << 1 | (retain ? 1 : 0)),
                         mqtt_text(topic) + id + std::string(payload)));
  if (qos == 1) (void)await(4);
  if (qos == 2) {
    (void)await(5);
    wire_.send(mqtt_packet(0x62, id));
    (void)await(7);
  }
}

void RawClient::subscribe(std::string_view filter, int qos) {
  wire_.send(mqtt_packet(0x82, two_bytes(++id_) + mqtt_text(filter) + static_cast<char>(qos)));
  (void)await(9);
}

RawClient::Received RawClient::next() {
  if (held_.empty()) (void)await(3);
  Received first = std::move(held_.front());
  held_.erase(held_.begin());
  return first;
}

void RawClient::flush() {
  wire_.send(mqtt_packet(0xC0, ""));
  (void)await(13);
}

ScriptedBroker::ScriptedBroker(Script script)
    : script_(std::move(script)), listener_(bridge::listen_loopback(8, port_)) {
  if (listener_ < 0) throw std::runtime_error("scripted broker: listen");
  thread_ = std::thread([this] { serve(); });
}

ScriptedBroker::~ScriptedBroker() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  if (const int client = client_.load(); client >= 0) ::shutdown(client, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::vector<std::string> ScriptedBroker::connects() const {
  const std::lock_guard lock(mutex_);
  return connects_;
}

void ScriptedBroker::serve() {
  while (!stopping_) {
    const int accepted = ::accept(listener_, nullptr, nullptr);
    if (accepted < 0) continue;
    const Wire wire(accepted);
    client_ = accepted;
    try {
      while (!stopping_) {
        const Wire::Packet packet = wire.read();
        if (packet.type() == 1) {
          const std::lock_guard lock(mutex_);
          connects_.push_back(packet.body);
        }
        wire.send(packet.type() == 1 ? script_.connack : script_.answer(packet));
      }
    } catch (const std::runtime_error&) {
      // The client has gone: the next one may come.
    }
    client_ = -1;
  }
}

namespace {
void run(const std::string& command) {
  if (std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) != 0)
    throw std::runtime_error("failed: " + command);
}
}  // namespace

Certificates::Certificates(std::string folder) : folder_(std::move(folder)) {
  authority("ca");
  authority("other-ca");
}

void Certificates::authority(const std::string& name) const {
  run("openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=weir test " + name + "' -keyout " +
      file(name + ".key") + " -out " + file(name + ".pem"));
}

void Certificates::issue(const std::string& name, const std::string& host, bool expired) const {
  const std::string base = file(name);
  run("printf 'subjectAltName=" + host + "\\n' > " + base + ".ext");
  run("openssl req -newkey rsa:2048 -nodes -subj '/CN=" + name + "' -keyout " + base + ".key -out " + base +
      ".csr");
  if (!expired) {
    run("openssl x509 -req -in " + base + ".csr -CA " + file("ca.pem") + " -CAkey " + file("ca.key") +
        " -set_serial 7 -days 30 -extfile " + base + ".ext -out " + base + ".pem");
    return;
  }
  // `openssl ca` is the one that takes both dates.
  run(": > " + base + ".index");
  run("echo 08 > " + base + ".serial");
  run("printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=" + base + ".index\\nserial=" + base +
      ".serial\\nnew_certs_dir=" + folder_ +
      "\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > " + base + ".cnf");
  run("openssl ca -batch -notext -config " + base + ".cnf -in " + base + ".csr -cert " + file("ca.pem") +
      " -keyfile " + file("ca.key") + " -startdate 20200101000000Z -enddate 20200102000000Z -extfile " +
      base + ".ext -out " + base + ".pem");
}

}  // namespace test
