// The plugin's parts, without a broker: options, topics, queue, doorbell, pulse, and the guest with a broker
// played by the test.
#include <doctest/doctest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "bridge/error.h"
#include "bridge/plugin_guest.h"
#include "bridge/plugin_ring.h"
#include "bridge/plugin_uncancelled.h"
#include "bridge/topic.h"
#include "tests/temp_folder.h"

using namespace std::chrono_literals;
using bridge::Guest;
using bridge::PluginSink;
using bridge::Publication;
using bridge::Sink;

namespace {

std::string problems(const std::vector<std::pair<std::string_view, std::string_view>>& lines) {
  try {
    (void)bridge::parse_plugin_options(lines);
  } catch (const bridge::SetupError& error) {
    return error.what();
  }
  return "";
}

std::vector<bridge::StreamConfig> streams(const std::vector<std::string>& patterns) {
  std::vector<bridge::StreamConfig> all;
  for (const std::string& pattern : patterns) {
    bridge::StreamConfig stream;
    stream.ignore = pattern.starts_with('!');
    stream.from = pattern.substr(stream.ignore ? 1 : 0);
    all.push_back(stream);
  }
  return all;
}

PluginSink::Deliver always(PluginSink::Taken answer, std::vector<Publication>* into = nullptr) {
  return [=](const Publication& publication) {
    if (into != nullptr) into->push_back(publication);
    return answer;
  };
}

std::vector<Sink::Completion> completions(Sink& sink) {
  std::vector<Sink::Completion> all;
  for (Sink::Completion one{}; sink.completed(one);) all.push_back(one);
  return all;
}

}  // namespace

TEST_CASE("options: what is allowed, and what each problem is called") {
  const auto options = bridge::parse_plugin_options(
      {{"config", "/etc/weir.json"}, {"consume", "true"}, {"doorbell", "false"}});
  CHECK(options.config == "/etc/weir.json");
  CHECK(options.consume);
  CHECK_FALSE(options.doorbell);
  CHECK_FALSE(bridge::parse_plugin_options({{"config", "x"}}).consume);
  CHECK(bridge::parse_plugin_options({{"config", "x"}}).doorbell);

  CHECK(problems({}).starts_with("plugin_opt_config is missing"));
  CHECK(problems({{"config", ""}}).starts_with("plugin_opt_config is missing"));
  CHECK(problems({{"config", "x"}, {"consume", "yes"}}) ==
        "plugin_opt_consume: \"yes\"; allowed is true or false");
  CHECK(problems({{"config", "x"}, {"file", "y"}}) ==
        "plugin_opt_file is no option; allowed are plugin_opt_config, plugin_opt_consume and "
        "plugin_opt_doorbell");
  const std::string all = problems({{"consume", "1"}, {"a", ""}});
  CHECK(std::count(all.begin(), all.end(), '\n') == 2);  // three lines
}

TEST_CASE("per_listener_settings is found where the broker would find it") {
  const test::TempFolder folder;
  const auto check = [&](const std::string& text, bool expected) {
    CAPTURE(text);
    CHECK(bridge::has_per_listener_settings(folder.write("mosquitto.conf", text)) == expected);
  };
  check("listener 1883\n", false);
  check("per_listener_settings true\nlistener 1883\n", true);
  check("per_listener_settings false\n", false);
  check("# per_listener_settings true\n", false);
  check("per_listener_settings true\nper_listener_settings false\n", false);
  const std::filesystem::path included = folder.file("conf.d");
  std::filesystem::create_directory(included);
  folder.write("conf.d/a.conf", "per_listener_settings true\n");
  check("include_dir " + included.string() + "\n", true);
  folder.write("conf.d/b.conf", "per_listener_settings false\n");
  check("include_dir " + included.string() + "\n", false);
  check("include_dir " + folder.file("nowhere") + "\n", false);
  CHECK_FALSE(bridge::has_per_listener_settings(folder.file("nothing")));
}

TEST_CASE("topics: taken is what the first stream that matches does not ignore") {
  bridge::TakenTopics topics(
      streams({"!site/+/cmd", "site/{site}/{kind}", "plain/topic", "rest/{more...}", "all/#", "+/mid/{x}"}));
  const auto check = [&](const char* topic, bool expected) {
    CAPTURE(topic);
    CHECK(topics.take(topic) == expected);
  };
  check("site/a/temp", true);
  check("site/a/cmd", false);
  check("site/a", false);
  check("site/a/temp/x", false);
  check("plain/topic", true);
  check("plain/topics", false);
  check("plain", false);
  check("rest", true);
  check("rest/a/b/c", true);
  check("restless", false);
  check("all", true);
  check("all/", true);
  check("x/mid/y", true);
  check("$x/mid/y", false);
  check("derived/site/a", false);
  check("", false);
  bridge::TakenTopics everything(streams({"#"}));
  CHECK(everything.take("a"));
  CHECK(everything.take("/"));
  CHECK_FALSE(everything.take("$SYS/broker/uptime"));
  bridge::TakenTopics system(streams({"$SYS/#"}));
  CHECK_FALSE(system.take("$SYS/broker/uptime"));
}

TEST_CASE("topics: random filters and topics, taken as a pattern matches") {
  std::mt19937 random(7);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  const auto levels = [&](const std::vector<std::string>& choice) {
    std::string text = choice[below(3)];
    for (unsigned i = below(4); i > 0; --i) text += '/' + choice[below(static_cast<unsigned>(choice.size()))];
    return text;
  };
  int taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string pattern = levels({"a", "b", "+", "ab", "{x" + std::to_string(i) + "}"});
    if (std::count(pattern.begin(), pattern.end(), '{') > 1) continue;
    if (below(4) == 0) pattern += below(2) == 0 ? "/#" : "/{more...}";
    const std::string topic = levels({"a", "b", "ab", "", "c"});
    CAPTURE(pattern);
    CAPTURE(topic);
    std::vector<std::string_view> captures;
    std::string_view rest;
    const bool expected = bridge::TopicPattern(pattern).match(topic, captures, rest);
    REQUIRE(bridge::TakenTopics(streams({pattern})).take(topic) == expected);
    taken += expected ? 1 : 0;
  }
  CHECK(taken > 1000);
}

TEST_CASE("sink: order, what a turn takes at most, and how each publication ends") {
  PluginSink sink([] {});
  for (Sink::Ticket ticket = 0; ticket < PluginSink::waiting_max; ++ticket) {
    REQUIRE(sink.publish({"t", std::to_string(ticket), 1, false}, ticket) == Sink::Accepted::pending);
  }
  CHECK(sink.publish({"t", "", 0, false}, 9999) == Sink::Accepted::later);
  std::vector<Publication> got;
  sink.drain(always(PluginSink::Taken::yes, &got));
  CHECK(got.size() == PluginSink::messages_a_turn);
  CHECK(sink.publish({"t", "", 0, false}, 9999) == Sink::Accepted::later);  // ends that nobody took count too
  sink.drain(always(PluginSink::Taken::not_now));
  sink.drain(always(PluginSink::Taken::yes, &got));
  REQUIRE(got.size() == PluginSink::waiting_max);
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i].payload == std::to_string(i));
  const auto ends = completions(sink);
  REQUIRE(ends.size() == PluginSink::waiting_max);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    REQUIRE(ends[i].ticket == i);
    REQUIRE(ends[i].ended == Sink::Ended::acknowledged);
  }

  CHECK(sink.publish({"a", "b", 2, true}, 7) == Sink::Accepted::pending);
  got.clear();
  sink.drain(always(PluginSink::Taken::refused, &got));
  REQUIRE(got.size() == 1);
  CHECK(got[0].topic == "a");
  CHECK(got[0].qos == 2);
  CHECK(got[0].retain);
  const auto refused = completions(sink);
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].ended == Sink::Ended::refused);
}

TEST_CASE("sink: bytes are bounded, and one alone may be larger") {
  PluginSink sink([] {});
  const std::string large(PluginSink::bytes_a_turn, 'x');
  std::size_t accepted = 0;
  while (sink.publish({"t", large, 0, false}, accepted) == Sink::Accepted::pending) ++accepted;
  CHECK(accepted == PluginSink::waiting_bytes_max / large.size() - 1);  // topics are bytes too
  std::vector<Publication> got;
  sink.drain(always(PluginSink::Taken::yes, &got));
  CHECK(got.size() == 1);
  while (completions(sink).size() != 0 || got.size() < accepted)
    sink.drain(always(PluginSink::Taken::yes, &got));
  CHECK(sink.publish({"t", std::string(2 * PluginSink::waiting_bytes_max, 'x'), 0, false}, 1) ==
        Sink::Accepted::pending);
  CHECK(sink.publish({"t", "", 0, false}, 2) == Sink::Accepted::later);
}

TEST_CASE("sink: it wakes the broker while something waits, and refuses once it is closed") {
  int wakes = 0;
  PluginSink sink([&] { ++wakes; });
  CHECK(completions(sink).empty());
  CHECK(wakes == 0);
  CHECK(sink.publish({"t", "1", 0, false}, 1) == Sink::Accepted::pending);
  CHECK(sink.publish({"t", "2", 0, false}, 2) == Sink::Accepted::pending);
  CHECK(completions(sink).empty());
  CHECK(wakes == 1);
  while (wakes < 3) CHECK(completions(sink).empty());  // again and again, for one may be lost
  sink.drain(always(PluginSink::Taken::yes));
  CHECK(completions(sink).size() == 2);
  CHECK(sink.publish({"t", "3", 0, false}, 3) == Sink::Accepted::pending);
  sink.close();
  CHECK(sink.publish({"t", "4", 0, false}, 4) == Sink::Accepted::refused);
  const auto ends = completions(sink);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].ticket == 3);
  CHECK(ends[0].ended == Sink::Ended::refused);
}

TEST_CASE("stress: sink: a publisher and a broker; nothing lost, nothing out of order") {
  constexpr Sink::Ticket all = 50'000;
  std::atomic<bool> done{false};
  PluginSink sink([] {});
  std::vector<Sink::Ticket> ended;
  std::thread publisher([&] {
    Sink::Ticket next = 0;
    while (ended.size() < all) {
      while (next < all &&
             sink.publish({"t", std::to_string(next), 0, false}, next) == Sink::Accepted::pending)
        ++next;
      for (const auto& end : completions(sink)) ended.push_back(end.ticket);
    }
    done = true;
  });
  Sink::Ticket expected = 0;
  bool in_order = true;
  int turn = 0;
  while (!done) {
    sink.drain([&](const Publication& publication) {
      if (++turn % 7 == 0) return PluginSink::Taken::not_now;
      in_order = in_order && publication.payload == std::to_string(expected);
      ++expected;
      return PluginSink::Taken::yes;
    });
  }
  publisher.join();
  CHECK(in_order);
  CHECK(expected == all);
  CHECK(std::is_sorted(ended.begin(), ended.end()));
}

TEST_CASE("stress: the doorbell ends the broker's sleep, and takes nothing from reads") {
  const bridge::BrokerBell bell(true);
  const int epoll = ::epoll_create1(0);
  std::atomic<int> woken{0};
  std::thread ringer([&] {
    while (woken < 100) {
      bell.ring();
      std::this_thread::yield();
    }
  });
  while (woken < 100) {
    epoll_event event{};
    const int got = ::epoll_wait(epoll, &event, 1, 60'000);
    CHECK(got == -1);
    CHECK(errno == EINTR);
    ++woken;
  }
  ringer.join();
  ::close(epoll);
}

TEST_CASE("a thread that is not cancelled is as before afterwards") {
  int state = 0, type = 0;
  {
    const bridge::Uncancelled uncancelled;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    CHECK(state == PTHREAD_CANCEL_DISABLE);
    (void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
    CHECK(type == PTHREAD_CANCEL_ASYNCHRONOUS);
  }
  (void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
  CHECK(state == PTHREAD_CANCEL_ENABLE);
  (void)pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
  CHECK(type == PTHREAD_CANCEL_DEFERRED);
}

TEST_CASE("pulse: connected from the first turn of the loop, not without turns") {
  bridge::Pulse pulse;
  const bridge::Pulse::Time begin{1h};
  CHECK_FALSE(pulse.state(begin).connected);
  CHECK(pulse.state(begin).last_error.find("per_listener_settings") != std::string::npos);
  pulse.beat(begin);
  CHECK(pulse.state(begin + 4s).connected);
  CHECK(pulse.state(begin + 4s).subscribed);
  CHECK(pulse.state(begin + 4s).last_error.empty());
  CHECK_FALSE(pulse.state(begin + 5s).connected);
  pulse.beat(begin + 6s);
  CHECK(pulse.state(begin + 6s).connected);
  CHECK(pulse.state(begin + 6s).connects == 2);
  CHECK(pulse.state(begin + 6s).disconnects == 1);
}

namespace {

// Plays the broker for a guest, on this thread.
class Host {
 public:
  explicit Host(const std::string& streams, bool consume = false)
      : path_(folder_.write("weir.json", text(streams))), guest_({path_, consume, true}) {}

  static std::string text(const std::string& streams, const std::string& more = "") {
    return "{" + more + R"("broker": {"client_id": "w"}, "http": {"listen": ""}, "log": {"level": "error"},
      "status": {"topic": "status", "every": "1h"}, "streams": [)" +
           streams + "]}";
  }
  void configure(const std::string& streams, const std::string& more = "") {
    folder_.write("weir.json", text(streams, more));
  }
  void write(const std::string& all) { folder_.write("weir.json", all); }
  Guest& guest() { return guest_; }
  // Turns the loop until `wanted` holds.
  void turn_until(const std::function<bool()>& wanted) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!wanted() && std::chrono::steady_clock::now() < end) {
      guest_.tick([&](const Publication& publication) {
        published.push_back(publication);
        return PluginSink::Taken::yes;
      });
      for (std::string& line : guest_.words()) words.push_back(std::move(line));
      std::this_thread::yield();
    }
    REQUIRE(wanted());
  }
  [[nodiscard]] std::size_t count(const std::string& topic) const {
    return static_cast<std::size_t>(std::count_if(
        published.begin(), published.end(), [&](const Publication& one) { return one.topic == topic; }));
  }
  std::vector<Publication> published;
  std::vector<std::string> words;

 private:
  const test::TempFolder folder_;
  const std::string path_;
  Guest guest_;
};

std::string stream(const std::string& name, const std::string& window) {
  return R"({"name": ")" + name + R"(", "from": ")" + name + R"(/{device}", "lateness": "0s", "idle": "1h",
    "payload": {"time": "/ts"}, "detectors": [], "windows": [{"name": ")" +
         window + R"(", "length": "10s", "aggregates": ["count"]}]})";
}

std::string sample(int second) { return R"({"v": 1, "ts": )" + std::to_string(1'767'225'600 + second) + "}"; }

}  // namespace

TEST_CASE("guest: messages in, results out; what is not for weir goes on") {
  Host host(stream("a", "w"));
  CHECK_FALSE(host.guest().message("a/d1", sample(0), 0, false));
  CHECK_FALSE(host.guest().message("b/d1", sample(0), 0, false));
  CHECK_FALSE(host.guest().message("a/d1", sample(1), 2, true));
  CHECK_FALSE(host.guest().message("a/d1", sample(10), 1, false));
  host.turn_until([&] { return host.count("derived/a/d1/v/w") == 1; });
  host.turn_until([&] { return host.count("status") >= 1; });
  const auto result = std::find_if(host.published.begin(), host.published.end(),
                                   [](const Publication& one) { return one.topic.starts_with("derived/"); });
  CHECK(result->payload.find("\"count\":2,") == std::string::npos);
  CHECK(result->payload.find("\"count\":2") != std::string::npos);
}

TEST_CASE("guest: consume ends the way of QoS 0 input that weir has taken, and of nothing else") {
  Host host("{\"name\": \"cmd\", \"from\": \"a/cmd\", \"ignore\": true}," + stream("a", "w"), true);
  CHECK(host.guest().message("a/d1", sample(0), 0, false));
  CHECK_FALSE(host.guest().message("a/d1", sample(0), 1, false));
  CHECK_FALSE(host.guest().message("a/d1", sample(0), 2, false));
  CHECK_FALSE(host.guest().message("a/d1", sample(0), 0, true));  // the broker shall keep it
  CHECK_FALSE(host.guest().message("a/cmd", sample(0), 0, false));
  CHECK_FALSE(host.guest().message("b/d1", sample(0), 0, false));
  CHECK_FALSE(host.guest().message("a/d1", std::string(300'000, 'x'), 0, false));  // oversize: not taken
}

TEST_CASE("guest: the same configuration again changes nothing, and a wrong one is refused") {
  Host host(stream("a", "w"));
  host.guest().reload();
  host.turn_until([&] { return host.words.size() == 1; });
  CHECK(host.words[0].find("the same") != std::string::npos);

  host.write("{");
  host.guest().reload();
  host.turn_until([&] { return host.words.size() == 2; });
  CHECK(host.words[1].find("the old configuration stays") != std::string::npos);
}

TEST_CASE("guest: streams that are the same go on under a configuration of other streams") {
  Host host(stream("a", "w") + "," + stream("b", "w") + "," + stream("c", "w"));
  const auto everywhere = [&](int second) {
    for (const char* topic : {"a/d1", "b/d1", "c/d1", "d/d1"})
      (void)host.guest().message(topic, sample(second), 1, false);
  };
  everywhere(0);
  host.configure(stream("d", "w") + "," + stream("b", "v") + "," + stream("a", "w"));
  host.guest().reload();
  host.turn_until([&] { return host.words.size() == 1; });
  CHECK(host.words[0] == "reload: the new configuration is in use; kept: a; reset: b; new: d; gone: c");
  // What has ended is told; weir has not.
  host.turn_until([&] { return host.count("derived/b/d1/v/w") == 1 && host.count("derived/c/d1/v/w") == 1; });
  CHECK(host.count("derived/a/d1/v/w") == 0);
  for (const Publication& one : host.published) CHECK(one.payload.find("offline") == std::string::npos);
  everywhere(1);
  everywhere(10);
  host.turn_until([&] {
    return host.count("derived/a/d1/v/w") == 1 && host.count("derived/b/d1/v/v") == 1 &&
           host.count("derived/d/d1/v/w") == 1;
  });
  CHECK(host.count("derived/c/d1/v/w") == 1);
  for (const Publication& one : host.published) {
    if (one.topic == "derived/a/d1/v/w") CHECK(one.payload.find("\"count\":2") != std::string::npos);
    if (one.topic == "derived/b/d1/v/v") CHECK(one.payload.find("\"count\":1") != std::string::npos);
  }
}

TEST_CASE("guest: where more than streams differs, all begins anew") {
  Host host(stream("a", "w"));
  (void)host.guest().message("a/d1", sample(0), 1, false);
  (void)host.guest().message("a/d1", sample(1), 1, false);
  host.configure(stream("b", "w"), R"("limits": {"series_max": 1000},)");
  host.guest().reload();
  host.turn_until([&] { return host.words.size() == 1; });
  CHECK(host.words[0].find("all windows begin anew") != std::string::npos);
  // The open window of the old configuration has come out, with both samples, and after it weir said goodbye.
  REQUIRE(host.count("derived/a/d1/v/w") == 1);
  const auto at = [&](const std::string& text) {
    return std::find_if(host.published.begin(), host.published.end(),
                        [&](const Publication& one) { return one.payload.find(text) != std::string::npos; });
  };
  CHECK(at("\"count\":2") != host.published.end());
  CHECK(at("offline") != host.published.end());

  CHECK_FALSE(host.guest().message("a/d1", sample(20), 0, false));
  (void)host.guest().message("b/d1", sample(20), 1, false);
  (void)host.guest().message("b/d1", sample(40), 1, false);
  host.turn_until([&] { return host.count("derived/b/d1/v/w") == 1; });
}

TEST_CASE("stress: guest: messages, turns and reloads at once; every sample is in exactly one result") {
  Host host(stream("a", "w0"));
  int sent = 0;
  for (int reload = 1; reload <= 20; ++reload) {
    for (int i = 0; i < 200; ++i) {
      (void)host.guest().message("a/d" + std::to_string(i % 10), sample(sent / 10), 1, false);
      ++sent;
      if (i == 100) {
        host.configure(
            stream("a", "w" + std::to_string(reload)),
            reload % 5 == 0 ? R"("publish": {"buffer": )" + std::to_string(1000 + reload) + "}," : "");
        host.guest().reload();
      }
      if (i % 3 == 0) host.turn_until([] { return true; });
    }
    host.turn_until([&] { return host.words.size() == static_cast<std::size_t>(reload); });
  }
  host.configure(stream("z", "w"));
  host.guest().reload();
  host.turn_until([&] { return host.words.size() == 21; });
  int counted = 0;
  for (const Publication& one : host.published) {
    const std::size_t at = one.payload.find("\"count\":");
    if (one.topic.starts_with("derived/a/") && at != std::string::npos)
      counted += std::atoi(one.payload.c_str() + at + 8);
  }
  CHECK(counted == sent);
}

TEST_CASE("guest: it leaves at once, whatever is under way") {
  for (int i = 0; i < 20; ++i) {
    Host host(stream("a", "w"));
    for (int second = 0; second < 100; ++second) (void)host.guest().message("a/d1", sample(second), 1, false);
    if (i % 2 == 1) {
      host.configure(stream("b", "w"), i % 4 == 1 ? R"("publish": {"qos": 0},)" : "");
      host.guest().reload();
      for (int turn = 0; turn < i; ++turn) host.guest().tick(always(PluginSink::Taken::not_now));
    }
  }
}

TEST_CASE("a life that has not begun gathers, and sheds at once when it is full") {
  bridge::Pulse pulse;
  bridge::Config config = bridge::parse_config(
      R"({"limits": {"journal_bytes": 1048576}, "aggregation": {"when_full": "block"}, "streams": [{"from": "a/{d}"}]})");
  bridge::PluginLife life(config, pulse, [] {});
  const std::string payload(1000, 'x');
  int taken = 0;
  while (life.take("a/d", payload, 0)) ++taken;
  CHECK(taken > 500);
  CHECK_FALSE(life.take("a/d", payload, 0));
  CHECK(life.counts().shed == 2);
  CHECK(life.counts().received == static_cast<std::uint64_t>(taken) + 2);
}
