#include "bridge/bench_direct.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

#include "bridge/bench_subject.h"
#include "bridge/loopback.h"

namespace bridge {
namespace {

using Clock = std::chrono::steady_clock;

// One client's connection and what it is owed.
class Service {
 public:
  Service(int socket, const WireLoad& load, std::uint32_t rate, GeneratorFlow& flow, DirectResults& results)
      : socket_(socket), load_(load), rate_(rate), flow_(flow), results_(results), in_(256U << 10) {}
  ~Service() { ::close(socket_); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void run() {
    while (true) {
      next_piece();
      const bool writes = !piece_.empty() || !replies_.empty();
      flow_.ended.store(flow_.ends.load() && piece_.empty());
      pollfd waited{socket_, static_cast<short>(POLLIN | (writes ? POLLOUT : 0)), 0};
      if (::poll(&waited, 1, 1) < 0) continue;
      if ((waited.revents & POLLOUT) != 0 && !send()) return;
      if ((waited.revents & ~POLLOUT) != 0 && !receive()) return;
    }
  }

 private:
  [[nodiscard]] std::uint64_t due() const {
    if (rate_ == 0) return sent_ + load_.starts.size();
    const std::chrono::duration<double> since = Clock::now() - start_;
    return static_cast<std::uint64_t>(since.count() * rate_);
  }

  void next_piece() {
    if (!piece_.empty() || !streams_ || flow_.ends.load()) return;
    const std::uint64_t wanted = due();
    if (wanted <= sent_) return;
    const std::size_t packets = load_.starts.size() - 1;
    const auto first = static_cast<std::size_t>(sent_ % packets);
    const auto last = static_cast<std::size_t>(std::min<std::uint64_t>(first + (wanted - sent_), packets));
    const std::size_t end = piece_end(load_, first, last);
    piece_ =
        std::string_view(load_.bytes).substr(load_.starts[first], load_.starts[end] - load_.starts[first]);
    piece_messages_ = end - first;
  }

  // The rest of the piece, then what is owed: packets stay whole. False: the client has gone.
  bool send() {
    const std::string_view bytes = piece_.empty() ? std::string_view(replies_) : piece_;
    const ssize_t put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN || errno == EINTR;
    if (piece_.empty()) {
      replies_.erase(0, static_cast<std::size_t>(put));
      return true;
    }
    piece_.remove_prefix(static_cast<std::size_t>(put));
    if (!piece_.empty()) return true;
    sent_ += piece_messages_;
    flow_.sent.store(sent_);
    return replies_.empty() || send();
  }

  bool receive() {
    if (have_ == in_.size()) in_.resize(2 * in_.size());
    const ssize_t got = ::recv(socket_, in_.data() + have_, in_.size() - have_, 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    have_ += static_cast<std::size_t>(got);
    std::string_view rest(in_.data(), have_);
    for (wire::Packet packet; wire::cut_packet(rest, packet) == wire::Cut::packet;) answer(packet);
    std::copy(rest.begin(), rest.end(), in_.begin());
    have_ = rest.size();
    results_.results.store(tally_.results);
    results_.revisions.store(tally_.revisions);
    results_.samples.store(tally_.samples);
    return true;
  }

  void answer(const wire::Packet& packet) {
    switch (packet.type) {
      case wire::Type::connect: {
        wire::Connect hello;
        if (wire::open_connect(packet, hello) == wire::Fault::none) protocol_ = hello.protocol;
        wire::append_connack(protocol_, false, 0, replies_);
        break;
      }
      case wire::Type::subscribe:
        grant(packet);
        break;
      case wire::Type::publish:
        take(packet);
        break;
      case wire::Type::pingreq:
        wire::append_pingresp(replies_);
        break;
      default:
        break;
    }
  }

  void grant(const wire::Packet& packet) {
    wire::Subscribe subscribe;
    if (wire::open_subscribe(protocol_, packet, subscribe) != wire::Fault::none) return;
    std::string reasons;
    for (wire::Filter one; wire::next_filter(packet.type, subscribe, one);) {
      reasons.push_back('\0');
      if (!one.filter.starts_with(bench_root) || streams_) continue;
      streams_ = true;
      start_ = Clock::now();
    }
    wire::append_suback(protocol_, subscribe.packet_id, reasons, replies_);
  }

  void take(const wire::Packet& packet) {
    wire::Publish message;
    if (wire::open_publish(protocol_, packet, message) != wire::Fault::none) return;
    if (message.topic.starts_with("derived/")) tally_.take(message.topic, message.payload);
    if (message.qos == 1)
      wire::append_acknowledgement(protocol_, wire::Type::puback, message.packet_id, 0, replies_);
  }

  const int socket_;
  const WireLoad& load_;
  const std::uint32_t rate_;
  GeneratorFlow& flow_;
  DirectResults& results_;
  wire::Protocol protocol_ = wire::Protocol::v5;
  std::vector<char> in_;
  std::size_t have_ = 0;
  std::string replies_;
  std::string_view piece_;  // of the load, being sent
  std::size_t piece_messages_ = 0;
  std::uint64_t sent_ = 0;
  bool streams_ = false;
  Clock::time_point start_;
  ResultTally tally_;
};

}  // namespace

DirectBroker::DirectBroker() : listener_(listen_loopback(1, port_)) {
  if (listener_ < 0) throw std::runtime_error("bench: cannot listen on 127.0.0.1");
}

DirectBroker::~DirectBroker() { ::close(listener_); }

int DirectBroker::serve(const WireLoad& load, std::uint32_t rate, GeneratorFlow& flow,
                        DirectResults& results) {
  const int socket = ::accept(listener_, nullptr, nullptr);
  if (socket < 0) return 1;
  const int on = 1;
  (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK);
  Service(socket, load, rate, flow, results).run();
  flow.ended.store(true);
  while (true) ::pause();  // until it is ended: its CPU is still asked for
}

}  // namespace bridge
