// The MQTT client against a real Mosquitto, and against a broker that follows a script where Mosquitto never
// does the thing.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "bridge/arrival_clock.h"
#include "bridge/backoff.h"
#include "bridge/error.h"
#include "bridge/mqtt_client.h"
#include "bridge/reach.h"
#include "bridge/status.h"
#include "bridge/tickets.h"
#include "bridge/watchdog.h"
#include "tests/client_under_test.h"
#include "tests/mosquitto.h"
#include "tests/run_program.h"
#include "tests/temp_folder.h"

using namespace bridge;
using namespace std::chrono_literals;
using test::eventually;
using test::RawClient;

namespace {

const bool have_broker = test::require_mosquitto() && test::require_program("openssl", "openssl");

struct Got {
  std::string topic;
  std::string payload;
  int qos;
  bool stale;
  std::uint16_t packet_id;
  core::Time arrival;
};

MqttClientSpec spec_for(const std::string& url, std::vector<Subscription> subscriptions, int protocol = 5) {
  MqttClientSpec spec;
  spec.broker.url = url;
  spec.broker.client_id = "weir-test";
  spec.broker.protocol = protocol;
  spec.broker.client = test::client_under_test();
  spec.subscriptions = std::move(subscriptions);
  return spec;
}

// A client and its journal; the test's thread is the journal's consumer.
struct Subject {
  explicit Subject(const MqttClientSpec& spec, std::size_t journal_bytes = 64 << 20)
      : journal(journal_bytes), client(spec, &journal) {}

  void start_and_wait() {
    client.start();
    REQUIRE(subscribed());
  }
  bool subscribed() {
    return eventually([&] { return client.state().subscribed; });
  }
  // Once nothing came, nothing is waited for any more: a CHECK around this goes on after the failure.
  Got next() {
    const Message* message = nullptr;
    const bool came = eventually([&] { return (message = journal.front()) != nullptr; }, dry ? 0s : 60s);
    dry = !came;
    REQUIRE(came);
    Got got{std::string(message->topic),
            std::string(message->payload),
            message->qos,
            message->stale,
            message->packet_id,
            message->arrival};
    journal.pop();
    return got;
  }
  // Publishes as a publisher does: later means again.
  Sink::Accepted publish(const Publication& publication, Sink::Ticket ticket) {
    Sink::Accepted accepted = Sink::Accepted::later;
    eventually([&] { return (accepted = client.publish(publication, ticket)) != Sink::Accepted::later; });
    return accepted;
  }
  Sink::Completion completion() {
    Sink::Completion out{};
    REQUIRE(eventually([&] { return client.completed(out); }));
    return out;
  }

  Journal journal;
  MqttClient client;
  bool dry = false;
};

std::string error_of(Subject& subject, const std::string& part) {
  eventually([&] { return subject.client.state().last_error.find(part) != std::string::npos; });
  return subject.client.state().last_error;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("urls") {
  const auto check = [](const char* url, bool tls, const char* host, int port, const char* name) {
    CAPTURE(url);
    const BrokerUrl parsed = parse_broker_url(url);
    CHECK(parsed.tls == tls);
    CHECK(parsed.host == host);
    CHECK(parsed.port == port);
    CHECK(host_port(parsed) == name);
  };
  check("mqtt://localhost", false, "localhost", 1883, "localhost:1883");
  check("mqtt://localhost/", false, "localhost", 1883, "localhost:1883");
  check("mqtts://b.example", true, "b.example", 8883, "b.example:8883");
  check("mqtts://10.0.0.7:1", true, "10.0.0.7", 1, "10.0.0.7:1");
  check("mqtt://[::1]:65535", false, "::1", 65535, "[::1]:65535");
  check("mqtt://[fe80::2]", false, "fe80::2", 1883, "[fe80::2]:1883");
  const auto refuse = [](const char* url) {
    CAPTURE(url);
    CHECK_THROWS_AS((void)parse_broker_url(url), SetupError);
  };
  refuse("");
  refuse("localhost");
  refuse("tcp://localhost");
  refuse("mqtt://");
  refuse("mqtt://:1883");
  refuse("mqtt://host:");
  refuse("mqtt://host:0");
  refuse("mqtt://host:65536");
  refuse("mqtt://host:18x");
  refuse("mqtt://user@host");
  refuse("mqtt://host/path");
}

TEST_CASE("arrival times never go back, and find back to the system's clock") {
  using Steady = std::chrono::steady_clock::time_point;
  ArrivalClock clock;
  const auto at = [](std::int64_t s) { return core::Time{std::chrono::seconds{s}}; };
  const auto steady = [](std::int64_t s) { return Steady{std::chrono::seconds{s}}; };
  CHECK(clock.next(at(1000), steady(5)) == at(1000));
  CHECK(clock.next(at(1010), steady(15)) == at(1010));
  CHECK(clock.next(at(5000), steady(16)) == at(5000));          // set forward: at once
  CHECK(clock.next(at(4900), steady(17)) == at(5000) + 500ms);  // set back: half speed
  CHECK(clock.next(at(4901), steady(18)) == at(5001));
  CHECK(clock.next(at(5096), steady(213)) == at(5098) + 500ms);
  CHECK(clock.next(at(5196), steady(313)) == at(5196));  // they have met
  ArrivalClock own;
  core::Time last = own.now();
  for (int i = 0; i < 1000; ++i) {
    const core::Time now = own.now();
    CHECK(now >= last);
    last = now;
  }
  // Said again for a moment, and no longer.
  for (int i = 0; i < 1000; ++i) {
    const core::Time now = own.recently();
    CHECK(now >= last);
    CHECK(now <= bridge::system_now());
    last = now;
  }
  while (bridge::system_now() < last + 10ms) {
  }
  CHECK(own.recently() >= last + 10ms);
}

TEST_CASE("back-off: doubles to its limit, a quarter at random, and starts anew") {
  const std::uint64_t seed = 20261123;
  Backoff backoff(seed);
  for (int round = 0; round < 2; ++round) {
    for (const int most : {50, 100, 200, 400, 600, 600, 600}) {
      const core::Duration wait = backoff.next();
      CHECK(wait <= std::chrono::milliseconds{most});
      CHECK(wait >= std::chrono::milliseconds{most} * 3 / 4 - 1ns);
    }
    backoff.reset();
  }
}

TEST_CASE("tickets: each ends once, and may be used again") {
  Tickets tickets;
  Sink::Completion out{};
  const auto first = tickets.add(7, 2);
  const auto second = tickets.add(8, 2);
  REQUIRE(first);
  REQUIRE(second);
  CHECK_FALSE(tickets.add(9, 2));
  tickets.end(*first, Sink::Ended::acknowledged);
  tickets.end(*first, Sink::Ended::lost);  // the library may say it twice
  REQUIRE(tickets.pop(out));
  CHECK(out.ticket == 7);
  CHECK(out.ended == Sink::Ended::acknowledged);
  CHECK_FALSE(tickets.pop(out));
  const auto again = tickets.add(7, 2);
  REQUIRE(again);
  tickets.end(*first, Sink::Ended::lost);  // of the earlier one
  CHECK_FALSE(tickets.pop(out));
  tickets.lose_all();
  CHECK_FALSE(tickets.take_back(*again));
  std::map<Sink::Ticket, Sink::Ended> ended;
  while (tickets.pop(out)) ended[out.ticket] = out.ended;
  CHECK(ended == std::map<Sink::Ticket, Sink::Ended>{{7, Sink::Ended::lost}, {8, Sink::Ended::lost}});
}

TEST_CASE("the watchdog: an answer may wait behind messages, but not for ever, and not in silence") {
  using bridge::Watchdog;
  const Watchdog::Clock::time_point begin{};
  Watchdog watchdog(begin, 7);
  std::uint64_t received = 7;
  const auto dead_after = [&](Watchdog::Clock::duration waited) {
    return watchdog.is_dead(begin + waited, waited, received);
  };
  CHECK_FALSE(dead_after(10s));
  CHECK(dead_after(10s + 1ms));  // nothing came
  for (auto waited = 10s; waited <= 60s; waited += 1s) {
    ++received;
    CHECK_FALSE(dead_after(waited));
  }
  CHECK_FALSE(watchdog.is_dead(begin + 61s, 9s, received));
  CHECK_FALSE(watchdog.is_dead(begin + 61s + 999ms, 59s, received));
  CHECK(watchdog.is_dead(begin + 62s, 59s, received));  // the last message was too long ago
  ++received;
  CHECK(watchdog.is_dead(begin + 63s, 60s + 1ms, received));
}

TEST_CASE("the CONNECT packet, byte by byte") {
  const test::TempFolder folder;
  const std::string will = offline_json("weir-test");
  const auto check = [&](int protocol, const std::string& expected, const std::string& connack) {
    CAPTURE(protocol);
    test::ScriptedBroker broker({connack, [](const auto&) { return std::string(); }});
    MqttClientSpec spec = spec_for(broker.url(), {}, protocol);
    spec.status_topic = "weir/status";
    spec.broker.username = "user";
    spec.broker.password_file = folder.write("password", "se cret\nsecond line\n");
    spec.broker.keep_alive = 30s;
    spec.broker.session_expiry = 1h;
    spec.broker.receive_maximum = 100;
    Subject subject(spec);
    subject.client.start();
    REQUIRE(eventually([&] { return subject.client.state().connected; }));
    CHECK(broker.connects() == std::vector<std::string>{expected});
  };
  using namespace std::string_literals;
  const std::string who = test::mqtt_text("weir-test");
  const std::string rest = test::mqtt_text("weir/status") + test::mqtt_text(will) + test::mqtt_text("user") +
                           test::mqtt_text("se cret");
  // Flags 0xEC: user, password, will retained at QoS 1, no clean start. Properties: session expiry 3600 s,
  // receive maximum 100; of the native client, packets of 1 MiB at most and 16 topic aliases.
  const std::string asked = "\x11\x00\x00\x0E\x10\x21\x00\x64"s;
  const std::string properties =
      test::native() ? "\x10"s + asked + "\x27\x00\x10\x00\x00\x22\x00\x10"s : "\x08"s + asked;
  check(5, test::mqtt_text("MQTT") + "\x05\xEC\x00\x1E"s + properties + who + "\x00"s + rest,
        test::mqtt_packet(0x20, "\x00\x00\x00"s));
  check(4, test::mqtt_text("MQTT") + "\x04\xEC\x00\x1E"s + who + rest, test::mqtt_packet(0x20, "\x00\x00"s));
}

TEST_CASE("messages at every QoS, in order, whole") {
  LocalBroker broker;
  broker.start();
  const auto check = [&](int protocol, int qos) {
    CAPTURE(protocol);
    CAPTURE(qos);
    MqttClientSpec spec = spec_for(broker.url(), {{"in/+/x", qos, false}}, protocol);
    spec.broker.client_id = "weir-" + std::to_string(protocol) + std::to_string(qos);
    Subject subject(spec);
    subject.start_and_wait();
    RawClient publisher(broker.port(), "publisher");
    using namespace std::string_literals;
    const std::string binary = "\x00\xFF{\n"s;
    const auto before = std::chrono::system_clock::now();
    publisher.publish("in/empty/x", "", qos);
    publisher.publish("in/binary/x", binary, qos);
    for (int i = 0; i < 200; ++i) publisher.publish("in/n/x", std::to_string(i), qos);
    publisher.publish("elsewhere", "no", qos);
    Got got = subject.next();
    CHECK(got.topic == "in/empty/x");
    CHECK(got.payload.empty());
    got = subject.next();
    CHECK(got.topic == "in/binary/x");
    CHECK(got.payload == binary);
    core::Time last = got.arrival;
    std::set<int> packet_ids;
    for (int i = 0; i < 200; ++i) {
      got = subject.next();
      CHECK(got.payload == std::to_string(i));
      CHECK(got.qos == qos);
      CHECK_FALSE(got.stale);
      CHECK((got.packet_id != 0) == (qos > 0));
      CHECK(got.arrival >= last);
      last = got.arrival;
      packet_ids.insert(got.packet_id);
    }
    CHECK(last >= before);
    CHECK(last <= std::chrono::system_clock::now());
    CHECK(packet_ids.size() == (qos > 0 ? 200U : 1U));
    CHECK(subject.client.counts().received == 202);
    CHECK(subject.client.counts().shed == 0);
    CHECK(subject.client.counts().oversize == 0);
    CHECK(subject.client.state().last_error.empty());
  };
  for (const int protocol : {5, 4}) {
    for (const int qos : {0, 1, 2}) check(protocol, qos);
  }
}

TEST_CASE("too large a topic or payload is counted, the rest goes on") {
  LocalBroker broker;
  broker.start();
  MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 1, false}});
  spec.limits.payload_bytes_max = 10;
  spec.limits.topic_bytes_max = 8;
  Subject subject(spec);
  subject.start_and_wait();
  RawClient publisher(broker.port(), "publisher");
  publisher.publish("in/a", "0123456789", 1);
  publisher.publish("in/a", "0123456789A", 1);
  publisher.publish("in/45678", "1", 1);
  publisher.publish("in/456789", "1", 1);
  publisher.publish("in/end", "2", 1);
  CHECK(subject.next().payload == "0123456789");
  CHECK(subject.next().topic == "in/45678");
  CHECK(subject.next().topic == "in/end");
  CHECK(subject.client.counts().received == 5);
  CHECK(subject.client.counts().oversize == 2);
}

TEST_CASE("retained messages: replayed ones are stale and come only where they are wanted") {
  LocalBroker broker;
  broker.start();
  RawClient publisher(broker.port(), "publisher");
  publisher.publish("in/kept", "old", 1, true);
  const auto check = [&](int protocol, bool seed, bool replayed) {
    CAPTURE(protocol);
    CAPTURE(seed);
    MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 1, seed}}, protocol);
    spec.broker.client_id = "weir-" + std::to_string(protocol) + (seed ? "seed" : "");
    Subject subject(spec);
    subject.start_and_wait();
    publisher.publish("in/live", "new, asked to be kept", 1, true);
    if (replayed) {
      // Both kept values may come, in any order; all are stale.
      Got got = subject.next();
      CHECK(got.stale);
      while (got.stale) got = subject.next();
      CHECK(got.topic == "in/live");
    } else {
      const Got got = subject.next();
      CHECK(got.topic == "in/live");
      CHECK_FALSE(got.stale);
    }
  };
  check(5, false, false);
  check(5, true, true);
  check(4, false, true);  // 3.1.1 cannot ask for less
}

TEST_CASE("our own publications do not come back") {
  LocalBroker broker;
  broker.start();
  Subject subject(spec_for(broker.url(), {{"loop/#", 1, false}}));
  subject.start_and_wait();
  REQUIRE(subject.publish({"loop/a", "ours", 1, false}, 1) == Sink::Accepted::pending);
  CHECK(subject.completion().ended == Sink::Ended::acknowledged);
  RawClient(broker.port(), "publisher").publish("loop/a", "theirs", 1);
  CHECK(subject.next().payload == "theirs");
}

TEST_CASE("publishing: what is taken, refused, and told") {
  const test::TempFolder folder;
  const std::string acl = folder.write("acl", "topic readwrite out/#\ntopic read forbidden/#\n");
  LocalBroker broker({false, true, "acl_file " + acl});
  broker.start();
  MqttClientSpec spec = spec_for(broker.url(), {});
  Subject subject(spec);
  CHECK(subject.client.publish({"out/a", "x", 1, false}, 1) == Sink::Accepted::later);  // not started
  subject.start_and_wait();
  RawClient reader(broker.port(), "reader");
  reader.subscribe("out/#", 2);

  const auto check = [&](const char* topic, int qos, Sink::Accepted accepted, Sink::Ended ended) {
    CAPTURE(topic);
    CAPTURE(qos);
    CHECK(subject.publish({topic, "payload", qos, false}, 42) == accepted);
    if (accepted == Sink::Accepted::pending) {
      const Sink::Completion completion = subject.completion();
      CHECK(completion.ticket == 42);
      CHECK(completion.ended == ended);
    }
    if (accepted != Sink::Accepted::refused && ended == Sink::Ended::acknowledged) {
      CHECK(reader.next() == RawClient::Received{topic, "payload", false});
    }
  };
  check("out/0", 0, Sink::Accepted::done, Sink::Ended::acknowledged);
  check("out/1", 1, Sink::Accepted::pending, Sink::Ended::acknowledged);
  check("out/2", 2, Sink::Accepted::pending, Sink::Ended::acknowledged);
  check("forbidden/1", 1, Sink::Accepted::pending, Sink::Ended::refused);
  check("forbidden/2", 2, Sink::Accepted::pending, Sink::Ended::refused);
  check("", 1, Sink::Accepted::refused, Sink::Ended::lost);
  check("out/+", 1, Sink::Accepted::refused, Sink::Ended::lost);
  check("out/#", 0, Sink::Accepted::refused, Sink::Ended::lost);
  check("out/\xFF", 1, Sink::Accepted::refused, Sink::Ended::lost);
  CHECK(subject.client.publish({std::string("out/\0a", 6), "x", 1, false}, 1) == Sink::Accepted::refused);
  CHECK(subject.client.publish({std::string(65'536, 'x'), "x", 1, false}, 1) == Sink::Accepted::refused);
  CHECK(subject.client.state().connects == 1);  // none of it cost the connection
  Sink::Completion none{};
  CHECK_FALSE(subject.client.completed(none));
}

TEST_CASE("a publication larger than the broker takes is refused, not sent for ever") {
  LocalBroker broker({false, true, "max_packet_size 2000"});
  broker.start();
  Subject subject(spec_for(broker.url(), {}));
  subject.start_and_wait();
  CHECK(subject.publish({"out", std::string(3000, 'x'), 1, false}, 1) == Sink::Accepted::refused);
  CHECK(subject.publish({"out", std::string(1000, 'x'), 1, false}, 2) == Sink::Accepted::pending);
  CHECK(subject.completion().ended == Sink::Ended::acknowledged);
  CHECK(subject.client.state().connects == 1);
}

TEST_CASE("back-pressure: a broker that stands still is waited for, nothing is lost or told twice") {
  LocalBroker broker;
  broker.start();
  for (const int qos : {1, 0}) {
    CAPTURE(qos);
    MqttClientSpec spec = spec_for(broker.url(), {});
    spec.publish_buffer = 10;
    Subject subject(spec);
    subject.start_and_wait();
    RawClient reader(broker.port(), "reader");
    reader.subscribe("out", 1);
    broker.pause();
    // At QoS 0 it takes the sockets' buffers to fill before the library's own buffer (error -12) does.
    const std::string payload(qos == 0 ? 100'000 : 100, 'x');
    std::uint64_t sent = 0;
    // Of ten places two are kept for flags.
    for (const bool urgent : {false, true}) {
      if (urgent && qos == 1) CHECK(sent == 8);
      for (Sink::Accepted accepted{};;) {
        accepted = subject.client.publish({"out", std::to_string(sent) + payload, qos, false, urgent}, sent);
        if (accepted == Sink::Accepted::later) break;
        REQUIRE(accepted == (qos == 0 ? Sink::Accepted::done : Sink::Accepted::pending));
        ++sent;
        REQUIRE(sent < 100'000);
      }
    }
    CHECK(sent >= 10);
    broker.resume();
    REQUIRE(subject.publish({"out", "last", 1, false}, sent) == Sink::Accepted::pending);
    std::map<Sink::Ticket, Sink::Ended> ended;
    for (std::uint64_t i = qos == 0 ? sent : 0; i <= sent; ++i) {
      const Sink::Completion completion = subject.completion();
      CHECK(completion.ended == Sink::Ended::acknowledged);
      CHECK(ended.emplace(completion.ticket, completion.ended).second);
    }
    for (std::uint64_t i = 0; i < sent; ++i) CHECK(reader.next().payload == std::to_string(i) + payload);
    CHECK(reader.next().payload == "last");
  }
}

TEST_CASE("results published into a flood of messages arrive once, in order, and are acknowledged once") {
  LocalBroker broker;
  broker.start();
  MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 0, false}});
  spec.status_topic = "weir/status";
  Subject subject(spec);
  subject.start_and_wait();
  RawClient reader(broker.port(), "reader");
  reader.subscribe("out", 1);
  // Never so many that the broker would drop what it has for us: acknowledgements would be among it.
  std::jthread flood([&](const std::stop_token& stop) {
    RawClient publisher(broker.port(), "publisher");
    for (std::uint64_t count = 0; !stop.stop_requested();) {
      if (count > subject.client.counts().received + 1000) {
        std::this_thread::yield();
        continue;
      }
      for (int i = 0; i < 100; ++i, ++count) publisher.publish("in/a", "1");
    }
  });
  std::jthread edge([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      subject.journal.wait(1ms);
      while (subject.journal.front() != nullptr) subject.journal.pop();
    }
  });
  constexpr std::uint64_t results = 1000;
  std::vector<int> acknowledged(results);
  std::uint64_t sent = 0, done = 0;
  REQUIRE(eventually([&] {
    for (Sink::Completion one; subject.client.completed(one); ++done) {
      REQUIRE(one.ended == Sink::Ended::acknowledged);
      ++acknowledged[one.ticket];
    }
    while (sent < results) {
      const auto accepted = subject.client.publish({"out", std::to_string(sent), 1, false}, sent);
      if (accepted == Sink::Accepted::later) break;
      REQUIRE(accepted == Sink::Accepted::pending);
      ++sent;
    }
    return done == results;
  }));
  CHECK(std::ranges::all_of(acknowledged, [](int times) { return times == 1; }));
  for (std::uint64_t i = 0; i < results; ++i) REQUIRE(reader.next().payload == std::to_string(i));
  RawClient(broker.port(), "last").publish("out", "end", 1);
  CHECK(reader.next().payload == "end");
}

TEST_CASE("a full journal: held back for a while, or shed at once; all counted") {
  LocalBroker broker;
  broker.start();
  const std::string payload(100'000, 'x');
  const auto check = [&](WhenFull when_full, bool reading) {
    CAPTURE(static_cast<int>(when_full));
    MqttClientSpec spec = spec_for(broker.url(), {{"in", 1, false}});
    spec.when_full = when_full;
    spec.broker.client_id = when_full == WhenFull::shed ? "weir-shed"
                            : reading                   ? "weir-block"
                                                        : "weir-block-stuck";
    spec.broker.keep_alive = reading ? 40s : 4s;  // holds a message back for 10 s or 1 s
    Subject subject(spec, 1 << 20);
    subject.start_and_wait();
    RawClient publisher(broker.port(), "publisher");
    constexpr std::uint64_t messages = 60;
    for (std::uint64_t i = 0; i < messages; ++i) publisher.publish("in", std::to_string(i) + payload, 1);
    const auto counts = [&] { return subject.client.counts(); };
    std::uint64_t read = 0;
    if (reading) {
      REQUIRE(eventually([&] { return counts().waits > 0; }));
      for (; read < messages; ++read) CHECK(subject.next().payload == std::to_string(read) + payload);
      CHECK(counts().shed == 0);
    } else {
      REQUIRE(eventually([&] { return counts().received == messages; }));
      subject.client.stop_intake();
      for (; subject.journal.front() != nullptr; ++read) subject.journal.pop();
      CHECK(counts().shed > 0);
      CHECK(counts().waits == counts().shed);
      CHECK(subject.client.state().connects == 1);
    }
    CHECK(read + counts().shed == messages);
  };
  check(WhenFull::shed, false);
  check(WhenFull::block, false);
  check(WhenFull::block, true);
}

TEST_CASE("the broker is killed and restarted ten times while everybody publishes") {
  LocalBroker broker({false, true, "autosave_interval 1"});
  broker.start();
  MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 1, false}});
  Subject subject(spec);
  subject.start_and_wait();

  std::jthread publisher([&](const std::stop_token& stop) {
    for (std::uint64_t i = 0; !stop.stop_requested();) {
      try {
        RawClient raw(broker.port(), "publisher");
        for (; !stop.stop_requested(); ++i) raw.publish("in/a", std::to_string(i), 1);
      } catch (const std::runtime_error&) {
        std::this_thread::yield();  // the broker is away
      }
    }
  });
  std::uint64_t accepted = 0;
  std::uint64_t ended = 0;
  std::uint64_t acknowledged = 0;
  const auto publish_some = [&] {
    for (int i = 0; i < 200; ++i) {
      if (subject.client.publish({"out/a", std::to_string(accepted), 1, false}, accepted) ==
          Sink::Accepted::pending)
        ++accepted;
    }
    for (Sink::Completion out{}; subject.client.completed(out); ++ended)
      acknowledged += out.ended == Sink::Ended::acknowledged;
    for (; subject.journal.front() != nullptr; subject.journal.pop()) {
    }
  };

  for (std::uint64_t round = 1; round <= 10; ++round) {
    CAPTURE(round);
    const std::uint64_t before = subject.client.counts().received;
    REQUIRE(eventually([&] {
      publish_some();
      return subject.client.counts().received > before + 20 && acknowledged > round * 20;
    }));
    broker.kill();
    REQUIRE(eventually([&] {
      publish_some();
      return !subject.client.state().connected;
    }));
    CHECK_FALSE(subject.client.state().subscribed);
    CHECK(subject.client.state().disconnects == round);
    broker.start();
    const auto open = std::chrono::steady_clock::now();
    REQUIRE(subject.subscribed());
    const auto took = std::chrono::steady_clock::now() - open;
    std::printf("round %d: subscribed again %lld ms after the port opened\n", static_cast<int>(round),
                static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
    CHECK(subject.client.state().connects == round + 1);
    CHECK(subject.client.state().last_error.empty());
  }
  const std::uint64_t before = subject.client.counts().received;
  REQUIRE(eventually([&] { return subject.client.counts().received > before; }));
  publisher.request_stop();
  publisher.join();
  REQUIRE(eventually([&] {
    for (Sink::Completion out{}; subject.client.completed(out); ++ended) {
    }
    return ended == accepted;
  }));
  subject.client.stop();
  Sink::Completion none{};
  CHECK_FALSE(subject.client.completed(none));
}

TEST_CASE("a link that is open and dead: given up, and taken up again when the broker wakes") {
  LocalBroker broker;
  broker.start();
  Subject subject(spec_for(broker.url(), {{"in/#", 1, false}}));
  subject.start_and_wait();
  broker.pause();
  for (Sink::Ticket ticket = 1; ticket <= 3; ++ticket) {
    REQUIRE(subject.publish({"out/a", "x", 1, false}, ticket) == Sink::Accepted::pending);
  }
  std::set<Sink::Ticket> lost;
  for (int i = 0; i < 3; ++i) {
    const Sink::Completion completion = subject.completion();
    CHECK(completion.ended == Sink::Ended::lost);
    lost.insert(completion.ticket);
  }
  CHECK(lost == std::set<Sink::Ticket>{1, 2, 3});
  CHECK(subject.client.state().disconnects == 1);
  CHECK_FALSE(subject.client.state().connected);
  broker.resume();
  REQUIRE(subject.subscribed());
  REQUIRE(subject.publish({"out/a", "y", 1, false}, 4) == Sink::Accepted::pending);
  const Sink::Completion completion = subject.completion();
  CHECK(completion.ticket == 4);
  CHECK(completion.ended == Sink::Ended::acknowledged);
  RawClient(broker.port(), "publisher").publish("in/a", "back", 1);
  CHECK(subject.next().payload == "back");
}

TEST_CASE("messages sent while we are away wait for us") {
  LocalBroker broker;
  broker.start();
  const auto check = [&](int protocol) {
    CAPTURE(protocol);
    MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 1, false}}, protocol);
    spec.broker.client_id = "weir-" + std::to_string(protocol);
    {
      Subject subject(spec);
      subject.start_and_wait();
      subject.client.stop();
    }
    RawClient publisher(broker.port(), "publisher");
    for (int i = 0; i < 100; ++i) publisher.publish("in/a", std::to_string(i), 1);
    Subject subject(spec);
    subject.start_and_wait();
    for (int i = 0; i < 100; ++i) CHECK(subject.next().payload == std::to_string(i));
    CHECK(subject.client.counts().received == 100);
  };
  check(5);
  check(4);
}

TEST_CASE("what an earlier configuration subscribed is unsubscribed, and counts nothing twice") {
  LocalBroker broker;
  broker.start();
  const auto check = [&](int protocol) {
    CAPTURE(protocol);
    MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 1, false}, {"keep/+", 1, false}}, protocol);
    spec.broker.client_id = "weir-" + std::to_string(protocol);
    spec.status_topic = "weir/" + std::to_string(protocol);
    const std::string written = spec.status_topic + "/subscriptions";
    RawClient reader(broker.port(), "reader");
    reader.subscribe(written, 1);
    {
      Subject before(spec);
      before.start_and_wait();
      before.client.stop();
    }
    CHECK(reader.next() == RawClient::Received{written, R"({"v":1,"filters":["in/#","keep/+"]})", false});
    RawClient publisher(broker.port(), "publisher");
    publisher.publish("in/a/t", "waiting", 1);  // kept by the filter that the configuration has no more
    publisher.publish("keep/a", "waiting too", 1);
    spec.subscriptions.front().filter = "in/+/t";
    for (int life = 0; life < 2; ++life) {
      Subject after(spec);
      after.start_and_wait();
      if (life == 0) {
        // All that the session may have is written before it has it.
        CHECK(reader.next() ==
              RawClient::Received{written, R"({"v":1,"filters":["in/#","in/+/t","keep/+"]})", false});
        CHECK(reader.next() ==
              RawClient::Received{written, R"({"v":1,"filters":["in/+/t","keep/+"]})", false});
        CHECK(after.next().payload == "waiting");
        CHECK(after.next().payload == "waiting too");
      }
      for (int i = 0; i < 50; ++i) publisher.publish("in/a/t", std::to_string(i), 1);
      publisher.publish("in/other", "not wanted any more", 1);
      publisher.publish("keep/a", "end", 1);
      for (int i = 0; i < 50; ++i) CHECK(after.next().payload == std::to_string(i));
      CHECK(after.next().payload == "end");
      CHECK(after.client.counts().received == (life == 0 ? 53 : 51));
      after.client.stop();
    }
    RawClient late(broker.port(), "late");
    late.subscribe(written, 1);
    CHECK(late.next() == RawClient::Received{written, R"({"v":1,"filters":["in/+/t","keep/+"]})", true});
  };
  check(5);
  check(4);
}

TEST_CASE("other subscriptions while connected: those that stay are not touched, others come and go") {
  LocalBroker broker;
  broker.start();
  const auto check = [&](const std::string& name, int protocol, bool noted) {
    CAPTURE(name);
    RawClient publisher(broker.port(), "publisher");
    publisher.publish("keep/r", "kept", 1, true);
    publisher.publish("new/r", "new", 1, true);
    MqttClientSpec spec = spec_for(broker.url(), {{"keep/+", 1, true}, {"old/+", 2, false}}, protocol);
    spec.broker.client_id = name;
    if (noted) spec.status_topic = name;
    Subject subject(spec);
    subject.start_and_wait();
    CHECK(subject.next().payload == "kept");
    subject.client.adopt({{"new/+", 1, true}, {"keep/+", 1, true}});
    CHECK(subject.next().payload == "new");
    // What is unsubscribed may still come for a moment; what stays comes once.
    for (int i = 0; i < 1000; ++i) {
      publisher.publish("old/a", "old", 1);
      publisher.publish("keep/a", std::to_string(i), 1);
      const std::string first = subject.next().payload;
      if (first == std::to_string(i)) break;
      CHECK(first == "old");
      REQUIRE(i < 999);
      CHECK(subject.next().payload == std::to_string(i));
    }
    if (noted) {
      RawClient reader(broker.port(), "reader");
      reader.subscribe(name + "/subscriptions", 1);
      while (reader.next().payload != R"({"v":1,"filters":["keep/+","new/+"]})") {
      }
    }
    CHECK(subject.client.state().connects == 1);

    broker.stop();
    REQUIRE(eventually([&] { return !subject.client.state().connected; }));
    subject.client.adopt({{"third/+", 0, false}, {"keep/+", 1, false}});
    broker.start();
    REQUIRE(subject.subscribed());
    RawClient again(broker.port(), "publisher");
    for (const char* topic : {"old/a", "new/a", "third/a", "keep/a"}) again.publish(topic, topic, 1);
    Got got = subject.next();
    for (; got.stale || got.topic == "new/a"; got = subject.next()) CHECK((got.stale || !noted));
    CHECK(got.topic == "third/a");
    CHECK(subject.next().topic == "keep/a");
  };
  check("noted-5", 5, true);
  check("noted-4", 4, true);
  check("not-noted", 5, false);
}

TEST_CASE("an old session of which nothing tells the subscriptions is gone on with") {
  LocalBroker broker;
  broker.start();
  MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 1, false}});
  spec.status_topic = "weir/status";
  const std::string written = "weir/status/subscriptions";
  {
    Subject before(spec);
    before.start_and_wait();
    before.client.stop();
  }
  for (const std::string nothing : {"", "{\"v\":1,\"filters\":[\"in/#\"", "[]"}) {
    RawClient publisher(broker.port(), "publisher");
    publisher.publish(written, nothing, 1, true);
    publisher.publish("in/a", "waiting", 1);
    Subject after(spec);
    after.start_and_wait();
    CHECK(after.next().payload == "waiting");
    publisher.publish("in/a", "new", 1);
    CHECK(after.next().payload == "new");
    CHECK(after.client.counts().received == 2);
    after.client.stop();
    RawClient late(broker.port(), "late");
    late.subscribe(written, 1);
    CHECK(late.next() == RawClient::Received{written, R"({"v":1,"filters":["in/#"]})", true});
  }
}

TEST_CASE("a broker restarted with its sessions saved has kept our messages") {
  LocalBroker broker;
  broker.start();
  Subject subject(spec_for(broker.url(), {{"in/#", 1, false}}));
  subject.start_and_wait();
  broker.stop();
  REQUIRE(eventually([&] { return !subject.client.state().connected; }));
  CHECK(contains(error_of(subject, "cannot be reached"), "connection refused"));
  broker.start();
  REQUIRE(subject.subscribed());
  RawClient(broker.port(), "publisher").publish("in/a", "1", 1);
  CHECK(subject.next().payload == "1");
}

TEST_CASE("a broker that has lost our session is asked for every subscription again") {
  LocalBroker broker;  // saves its sessions only when it ends in peace
  broker.start();
  Subject subject(spec_for(broker.url(), {{"in/#", 1, false}, {"also/+", 1, false}}));
  subject.start_and_wait();
  broker.kill();
  REQUIRE(eventually([&] { return !subject.client.state().connected; }));
  broker.start();
  REQUIRE(subject.subscribed());
  RawClient publisher(broker.port(), "publisher");
  publisher.publish("in/a", "1", 1);
  publisher.publish("also/a", "2", 1);
  CHECK(subject.next().payload == "1");
  CHECK(subject.next().payload == "2");
}

TEST_CASE("the status topic: will, and a clean end") {
  LocalBroker broker;
  broker.start();
  RawClient reader(broker.port(), "reader");
  reader.subscribe("weir/status", 1);
  MqttClientSpec spec = spec_for(broker.url(), {});
  spec.status_topic = "weir/status";
  const RawClient::Received offline{"weir/status", offline_json("weir-test"), false};
  {
    Subject subject(spec);
    subject.start_and_wait();
    subject.client.stop();
    CHECK(reader.next() == offline);
    subject.client.stop();  // once more is no harm
    CHECK_FALSE(subject.client.state().connected);
    CHECK(subject.client.publish({"out", "x", 1, false}, 1) == Sink::Accepted::later);
  }
  RawClient late(broker.port(), "late");
  late.subscribe("weir/status", 1);
  CHECK(late.next() == RawClient::Received{"weir/status", offline_json("weir-test"), true});
}

TEST_CASE("after stop_intake nothing enters the journal, and publishing goes on") {
  LocalBroker broker;
  broker.start();
  Subject subject(spec_for(broker.url(), {{"in/#", 1, false}}));
  subject.start_and_wait();
  RawClient publisher(broker.port(), "publisher");
  publisher.publish("in/a", "1", 1);
  CHECK(subject.next().payload == "1");
  subject.client.stop_intake();
  CHECK(subject.journal.finished());
  publisher.publish("in/a", "2", 1);
  REQUIRE(eventually([&] { return subject.client.counts().shed == 1; }));
  CHECK(subject.journal.front() == nullptr);
  REQUIRE(subject.publish({"out/a", "x", 1, false}, 1) == Sink::Accepted::pending);
  CHECK(subject.completion().ended == Sink::Ended::acknowledged);
}

TEST_CASE("a refused subscription is told, and asked for again") {
  using namespace std::string_literals;
  std::atomic<int> subscribes{0};
  test::ScriptedBroker broker(
      {test::mqtt_packet(0x20, "\x00\x00\x00"s), [&](const test::Wire::Packet& packet) {
         if (packet.type() != 8) return ""s;
         ++subscribes;
         const bool refused = packet.body.find("forbidden") != std::string::npos;
         return test::mqtt_packet(0x90, packet.body.substr(0, 2) + "\x00"s + (refused ? "\x87" : "\x01"));
       }});
  Subject subject(spec_for(broker.url(), {{"allowed/#", 1, false}, {"forbidden/#", 1, false}}));
  subject.client.start();
  const std::string error = error_of(subject, "subscription");
  CHECK(contains(error, "forbidden/#"));
  CHECK(contains(error, "not authorised"));
  CHECK(contains(error, "broker.username"));
  CHECK(subject.client.state().connected);
  CHECK_FALSE(subject.client.state().subscribed);
  CHECK(subscribes == 2);
}

TEST_CASE("the options of a subscription, byte by byte") {
  using namespace std::string_literals;
  const auto check = [&](int protocol, bool seed, const std::string& connack, const std::string& expected) {
    CAPTURE(protocol);
    CAPTURE(seed);
    std::mutex mutex;
    std::string body;
    test::ScriptedBroker broker(
        {test::mqtt_packet(0x20, connack), [&](const test::Wire::Packet& packet) {
           if (packet.type() != 8) return ""s;
           const std::lock_guard lock(mutex);
           body = packet.body.substr(2);
           return test::mqtt_packet(0x90, packet.body.substr(0, 2) + (protocol == 5 ? "\x00\x01"s : "\x01"s));
         }});
    Subject subject(spec_for(broker.url(), {{"a/#", 1, seed}}, protocol));
    subject.start_and_wait();
    const std::lock_guard lock(mutex);
    CHECK(body == expected);
  };
  // QoS 1 | no local 4 | retain handling 2 (0x20). No properties: a number that came back with every message
  // would cost a fifth of what the library receives a second.
  check(5, false, "\x00\x00\x00"s, "\x00"s + test::mqtt_text("a/#") + "\x25");
  check(5, true, "\x00\x00\x00"s, "\x00"s + test::mqtt_text("a/#") + "\x05");
  check(4, false, "\x00\x00"s, test::mqtt_text("a/#") + "\x01");
}

TEST_CASE("a session that was taken over is told as such") {
  using namespace std::string_literals;
  test::ScriptedBroker broker(
      {test::mqtt_packet(0x20, "\x00\x00\x00"s), [](const test::Wire::Packet& packet) {
         return packet.type() == 8 ? test::mqtt_packet(0xE0, "\x8E"s) : ""s;
       }});
  Subject subject(spec_for(broker.url(), {{"in/#", 1, false}}));
  subject.client.start();
  const std::string error = error_of(subject, "taken over");
  CHECK(contains(error, "broker.client_id"));
  CHECK_FALSE(subject.client.state().connected);
}

TEST_CASE("another client takes our session: our will is published, and we come back") {
  LocalBroker broker;
  broker.start();
  const auto check = [&](int protocol) {
    CAPTURE(protocol);
    RawClient reader(broker.port(), "reader");
    const std::string status = "weir/status/" + std::to_string(protocol);
    reader.subscribe(status, 1);
    MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 1, false}}, protocol);
    spec.broker.client_id = "weir-" + std::to_string(protocol);
    spec.status_topic = status;
    Subject subject(spec);
    subject.start_and_wait();
    {
      const RawClient other(broker.port(), spec.broker.client_id);
      CHECK(reader.next() == RawClient::Received{status, offline_json(spec.broker.client_id), false});
    }
    REQUIRE(eventually([&] { return subject.client.state().connects >= 2; }));
    REQUIRE(subject.subscribed());
    RawClient(broker.port(), "publisher").publish("in/a", "1", 1);
    CHECK(subject.next().payload == "1");
    CHECK(subject.client.state().disconnects >= 1);
  };
  check(5);
  check(4);
}

TEST_CASE("filters that overlap: every copy is taken and acknowledged") {
  LocalBroker broker;
  broker.start();
  const auto check = [&](int protocol) {
    CAPTURE(protocol);
    MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 2, false}, {"in/+", 1, false}}, protocol);
    spec.broker.client_id = "weir-" + std::to_string(protocol);
    Subject subject(spec);
    subject.start_and_wait();
    RawClient publisher(broker.port(), "publisher");
    for (int i = 0; i < 50; ++i) publisher.publish("in/a", std::to_string(i), 2);
    publisher.publish("in/a/end", "end", 2);  // for one of them only
    std::map<std::string, std::multiset<int>> copies;
    for (Got got = subject.next(); got.payload != "end"; got = subject.next())
      copies[got.payload].insert(got.qos);
    CHECK(copies.size() == 50);
    // One for each filter, or one for all: the broker's choice, always the same.
    const std::multiset<int> first = copies.begin()->second;
    CHECK(first.size() <= 2);
    if (protocol == 5) CHECK(first == std::multiset<int>{1, 2});  // Mosquitto's
    for (const auto& [payload, qos] : copies) CHECK(qos == first);
    CHECK(subject.client.state().connects == 1);
  };
  check(5);
  check(4);
}

TEST_CASE("a wildcard at the front does not match topics that begin with $") {
  LocalBroker broker;
  broker.start();
  const auto check = [&](const std::string& filter, bool taken) {
    CAPTURE(filter);
    MqttClientSpec spec = spec_for(broker.url(), {{filter, 1, false}});
    spec.broker.session_expiry = 0s;
    Subject subject(spec);
    subject.start_and_wait();
    RawClient publisher(broker.port(), "publisher");
    for (const char* topic : {"$weir/a", "weir/a", "$weir/end/a", "weir/end/a"})
      publisher.publish(topic, topic, 1);
    std::vector<std::string> expected = {"weir/a", "weir/end/a"};
    if (taken) expected = {"$weir/a", "$weir/end/a"};
    if (filter[0] == '+') expected = {"weir/a"};
    for (const std::string& topic : expected) CHECK(subject.next().topic == topic);
    subject.client.stop();
    CHECK(subject.client.counts().received == expected.size());
  };
  check("#", false);
  check("+/a", false);
  check("$weir/#", true);
}

TEST_CASE("a session of no length ends with the connection") {
  LocalBroker broker;
  broker.start();
  const auto check = [&](int protocol) {
    CAPTURE(protocol);
    MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 1, false}}, protocol);
    spec.broker.client_id = "weir-" + std::to_string(protocol);
    spec.broker.session_expiry = 0s;
    RawClient publisher(broker.port(), "publisher");
    for (int life = 0; life < 2; ++life) {
      Subject subject(spec);
      subject.start_and_wait();
      publisher.publish("in/a", "now", 1);
      CHECK(subject.next().payload == "now");
      subject.client.stop();
      publisher.publish("in/a", "while nobody was there", 1);
    }
  };
  check(5);
  check(4);
}

TEST_CASE("one message at a time, if we ask for that: all that waited arrives, in order") {
  LocalBroker broker;
  broker.start();
  for (const int qos : {1, 2}) {
    CAPTURE(qos);
    MqttClientSpec spec = spec_for(broker.url(), {{"in/#", qos, false}});
    spec.broker.client_id = "weir-" + std::to_string(qos);
    spec.broker.receive_maximum = 1;
    {
      Subject subject(spec);
      subject.start_and_wait();
      subject.client.stop();
    }
    RawClient publisher(broker.port(), "publisher");
    for (int i = 0; i < 50; ++i) publisher.publish("in/a", std::to_string(i), qos);
    Subject subject(spec);
    subject.start_and_wait();
    for (int i = 50; i < 100; ++i) publisher.publish("in/a", std::to_string(i), qos);
    for (int i = 0; i < 100; ++i) CHECK(subject.next().payload == std::to_string(i));
    CHECK(subject.client.state().connects == 1);
  }
}

TEST_CASE("no more is under way than the broker takes at once") {
  using namespace std::string_literals;
  std::string held;  // acknowledgements; the broker's thread
  std::atomic<int> seen{0};
  test::ScriptedBroker broker(  // receive maximum 2
      {test::mqtt_packet(0x20, "\x00\x00\x03\x21\x00\x02"s), [&](const test::Wire::Packet& packet) {
         if (packet.type() != 3) return ""s;
         if ((packet.head >> 1 & 3) == 0) return std::exchange(held, ""s);
         ++seen;
         held += test::mqtt_packet(0x40, packet.body.substr(5, 2));
         return ""s;
       }});
  Subject subject(spec_for(broker.url(), {}));
  subject.start_and_wait();
  for (Sink::Ticket ticket = 1; ticket <= 5; ticket += 2) {
    CHECK(subject.publish({"out", "x", 1, false}, ticket) == Sink::Accepted::pending);
    CHECK(subject.publish({"out", "x", 1, false}, ticket + 1) == Sink::Accepted::pending);
    CHECK(subject.client.publish({"out", "x", 1, false}, 99) == Sink::Accepted::later);
    CHECK(subject.publish({"out", "", 0, false}, 100) == Sink::Accepted::done);  // lets the two go
    std::set<Sink::Ticket> ended;
    for (int i = 0; i < 2; ++i) {
      const Sink::Completion completion = subject.completion();
      CHECK(completion.ended == Sink::Ended::acknowledged);
      ended.insert(completion.ticket);
    }
    CHECK(ended == std::set<Sink::Ticket>{ticket, ticket + 1});
    CHECK(seen == static_cast<int>(ticket + 1));
  }
}

TEST_CASE("wrong password, no password, no broker: what is said") {
  const test::TempFolder folder;
  const std::string passwords = folder.file("passwords");
  REQUIRE(std::system(("mosquitto_passwd -b -c " + passwords + " weir right").c_str()) == 0);
  LocalBroker broker({false, false, "password_file " + passwords});
  broker.start();
  const auto check = [&](int protocol, const char* user, const char* password, const char* expected) {
    CAPTURE(protocol);
    CAPTURE(user);
    MqttClientSpec spec = spec_for(broker.url(), {}, protocol);
    spec.broker.username = user;
    spec.broker.password_env = "WEIR_TEST_PASSWORD";
    ::setenv("WEIR_TEST_PASSWORD", password, 1);
    Subject subject(spec);
    subject.client.start();
    if (std::string(expected).empty()) {
      CHECK(subject.subscribed());
      return;
    }
    const std::string error = error_of(subject, expected);
    CHECK(contains(error, expected));
    CHECK(contains(error, "broker.username"));
    CHECK(contains(error, "127.0.0.1:" + std::to_string(broker.port())));
    CHECK_FALSE(contains(error, "wrong-secret"));
    CHECK_FALSE(subject.client.state().connected);
  };
  check(5, "weir", "right", "");
  check(4, "weir", "right", "");
  check(5, "weir", "wrong-secret", "not authorised");
  check(4, "weir", "wrong-secret", "not authorised");
  check(5, "", "", "not authorised");
  ::unsetenv("WEIR_TEST_PASSWORD");

  MqttClientSpec nobody = spec_for("mqtt://127.0.0.1:1", {});
  Subject subject(nobody);
  subject.client.start();
  CHECK(
      contains(error_of(subject, "cannot be reached"), "127.0.0.1:1 cannot be reached: connection refused"));
  MqttClientSpec nowhere = spec_for("mqtt://no.such.host.invalid", {});
  Subject lost(nowhere);
  lost.client.start();
  CHECK(contains(error_of(lost, "cannot be"), "name cannot be resolved"));
}

TEST_CASE("files that are missing or hold the wrong thing stop us before we start") {
  const test::TempFolder folder;
  const auto check = [&](const char* part, const auto& change) {
    CAPTURE(part);
    MqttClientSpec spec = spec_for("mqtts://127.0.0.1:1", {});
    change(spec.broker);
    try {
      const Subject subject(spec);
      FAIL("taken");
    } catch (const SetupError& error) {
      CHECK_MESSAGE(contains(error.what(), part), error.what());
    }
  };
  check("broker.tls.ca", [&](BrokerConfig& broker) { broker.tls.ca = folder.file("missing.pem"); });
  check("broker.tls.ca",
        [&](BrokerConfig& broker) { broker.tls.ca = folder.write("text.pem", "no certificate"); });
  check("broker.tls.cert", [&](BrokerConfig& broker) { broker.tls.cert = folder.file("missing.pem"); });
  check("broker.password_file", [&](BrokerConfig& broker) { broker.password_file = folder.file("missing"); });
  check("broker.password_env", [&](BrokerConfig& broker) { broker.password_env = "WEIR_NO_SUCH_VARIABLE"; });
  check("mqtt://", [&](BrokerConfig& broker) { broker.url = "http://localhost"; });
}

TEST_CASE("a simulated fleet reaches a broker whose authority is named on the command line") {
  const test::TempFolder folder;
  const test::Certificates certificates(folder.file(""));
  certificates.issue("good", "IP:127.0.0.1");
  LocalBroker broker({true, true,
                      "cafile " + certificates.file("ca.pem") + "\ncertfile " +
                          certificates.file("good.pem") + "\nkeyfile " + certificates.file("good.key")});
  broker.start();
  const test::Ran ran =
      test::run_weir({"simulate", "--broker", broker.url(), "--ca", certificates.file("ca.pem"), "--devices",
                      "2", "--rate", "10", "--duration", "1s"});
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK((ran.out.find("sent 20, acknowledged 20,") != std::string::npos));
}

TEST_CASE("TLS: the right authority and name, and nothing else") {
  const test::TempFolder folder;
  const test::Certificates certificates(folder.file(""));
  certificates.issue("good", "IP:127.0.0.1");
  certificates.issue("elsewhere", "DNS:elsewhere.example");
  certificates.issue("expired", "IP:127.0.0.1", true);
  certificates.issue("client", "DNS:weir");
  const auto settings = [&](const std::string& name, bool wants_ours) {
    return "cafile " + certificates.file("ca.pem") + "\ncertfile " + certificates.file(name + ".pem") +
           "\nkeyfile " + certificates.file(name + ".key") + (wants_ours ? "\nrequire_certificate true" : "");
  };
  const auto check = [&](const std::string& server, bool wants_ours, const TlsConfig& tls,
                         const std::string& expected) {
    CAPTURE(server);
    CAPTURE(expected);
    LocalBroker broker({true, true, settings(server, wants_ours)});
    broker.start();
    MqttClientSpec spec = spec_for(broker.url(), {{"in/#", 1, false}});
    spec.broker.tls = tls;
    Subject subject(spec);
    subject.client.start();
    if (!expected.empty()) {
      CHECK(contains(error_of(subject, expected), expected));
      CHECK(subject.client.state().connects == 0);
      return;
    }
    REQUIRE(subject.subscribed());
    REQUIRE(subject.publish({"out", "x", 1, false}, 1) == Sink::Accepted::pending);
    CHECK(subject.completion().ended == Sink::Ended::acknowledged);
  };
  const std::string ca = certificates.file("ca.pem");
  check("good", false, {ca, "", ""}, "");
  check("elsewhere", false, {ca, "", ""},
        "its certificate is for \"elsewhere.example\", not for \"127.0.0.1\"");
  check("expired", false, {ca, "", ""}, "has expired");
  check("good", false, {certificates.file("other-ca.pem"), "", ""}, "authority we do not trust");
  check("good", false, {"", "", ""}, "authority we do not trust");
  check("good", true, {ca, certificates.file("client.pem"), certificates.file("client.key")}, "");
  check("good", true, {ca, "", ""}, "broker.tls.cert");
}
