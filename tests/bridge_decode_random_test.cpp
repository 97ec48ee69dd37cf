// The JSON decoder against another reader of JSON, over random documents and over broken ones; and what it
// may not do while it reads many: give another answer because of what it saw before, grow without bound,
// allocate.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "bridge/decode_tree.h"
#include "tests/decode_fixture.h"

using bridge::MessageOutcome;
using bridge::PayloadConfig;
using decode_test::Result;
using decode_test::Subject;

namespace {

std::atomic<std::uint64_t> allocations{0};

}  // namespace

#ifndef __SANITIZE_ADDRESS__  // it has its own, and compares who allocated with who frees
// Not inlined: the compiler would see free() meet operator new and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace {

// Writes random documents: keys and texts that need escapes, or have them without need, and spaces
// everywhere.
class Writer {
 public:
  explicit Writer(std::uint64_t seed) : random_(seed) {}

  std::string document() {
    out_.clear();
    spaces();
    if (below(10) == 0) {
      array(0, true);
    } else {
      object(0);
    }
    spaces();
    return out_;
  }

  std::size_t below(std::size_t bound) { return random_() % bound; }

 private:
  void spaces() {
    if (below(4) != 0) return;
    for (std::size_t n = below(3); n > 0; --n) out_ += " \n\t\r"[below(4)];
  }

  void value(std::size_t depth) {
    spaces();
    const std::size_t kind = below(depth > 5 ? 6 : 9);
    if (kind < 3) number();
    if (kind == 3) text(words_[below(words_.size())]);
    if (kind == 4) out_ += below(2) == 0 ? "true" : "false";
    if (kind == 5) out_ += "null";
    if (kind == 6 || kind == 7) object(depth + 1);
    if (kind == 8) array(depth + 1, false);
    spaces();
  }

  void number() {
    if (below(3) == 0) out_ += '-';
    out_ += std::to_string(below(4) == 0 ? random_() % 1'000'000'000'000'000'000U : below(2000));
    if (below(2) == 0) out_ += "." + std::to_string(below(100000));
    if (below(8) == 0) out_ += (below(2) == 0 ? "e" : "E-") + std::to_string(below(20));
  }

  void text(const std::string& plain) {
    out_ += '"';
    for (std::size_t i = 0; i < plain.size(); ++i) {
      const auto c = static_cast<unsigned char>(plain[i]);
      if (c == '"' || c == '\\') {
        out_ += '\\';
        out_ += plain[i];
      } else if (c < 0x20 || (c < 0x80 && below(30) == 0)) {
        std::array<char, 8> hex{};
        std::snprintf(hex.data(), hex.size(), below(2) == 0 ? "\\u%04x" : "\\u%04X", c);
        out_ += hex.data();
      } else {
        out_ += plain[i];
      }
    }
    out_ += '"';
  }

  void object(std::size_t depth) {
    out_ += '{';
    std::vector<std::string> names = words_;
    std::shuffle(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(1 + below(names.size())),
                 random_);
    const std::size_t members = below(depth == 0 ? 8 : 4);
    for (std::size_t i = 0; i < members; ++i) {
      if (i != 0) out_ += ',';
      spaces();
      text(names[i]);
      spaces();
      out_ += ':';
      value(depth);
    }
    out_ += '}';
  }

  void array(std::size_t depth, bool of_objects) {
    out_ += '[';
    for (std::size_t i = 0, n = below(4); i < n; ++i) {
      if (i != 0) out_ += ',';
      if (of_objects && below(4) != 0) {
        object(1);
      } else {
        value(depth);
      }
    }
    out_ += ']';
  }

  std::mt19937_64 random_;
  std::string out_;
  const std::vector<std::string> words_{"temperature",
                                        "t",
                                        "humidity",
                                        "switch:0",
                                        "a/b",
                                        "m~n",
                                        "",
                                        "é°",
                                        "😀",
                                        "x\"y\\z",
                                        "a key with spaces that is rather longer than most",
                                        "9",
                                        "tab\there",
                                        "temp",
                                        "0123456789abcdef",
                                        "0123456789abcde",
                                        "1234567",
                                        "12345678"};
};

std::string escaped(const std::string& key) {
  std::string out;
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

using Numbers = std::multimap<std::string, double>;

void walk(const nlohmann::json& value, const std::string& path, Numbers& out) {
  if (value.is_number()) out.emplace(path, value.get<double>());
  if (!value.is_object()) return;
  for (const auto& [key, member] : value.items())
    walk(member, path.empty() ? escaped(key) : path + "/" + escaped(key), out);
}

// What automatic fields must be, by row: "row pointer" and value.
Numbers expected_numbers(const nlohmann::json& document) {
  Numbers out;
  int row = 0;
  const auto add = [&](const nlohmann::json& object) {
    for (const auto& [key, member] : object.items()) {
      Numbers numbers;
      walk(member, escaped(key), numbers);
      if (key.empty()) {  // "" and what is below it: "/x", where the walk above says "x"
        numbers.clear();
        if (member.is_number()) numbers.emplace("", member.get<double>());
        if (member.is_object()) {
          for (const auto& [inner, value] : member.items()) walk(value, "/" + escaped(inner), numbers);
        }
      }
      for (const auto& [path, number] : numbers) out.emplace(std::to_string(row) + " " + path, number);
    }
    ++row;
  };
  if (document.is_object()) add(document);
  if (document.is_array()) {
    for (const nlohmann::json& element : document) {
      if (element.is_object()) add(element);
    }
  }
  return out;
}

Numbers numbers_of(const Result& result) {
  Numbers out;
  for (const std::string& reading : result.readings) {
    const std::size_t equals = reading.rfind('=');
    out.emplace(reading.substr(0, equals), std::strtod(reading.c_str() + equals + 1, nullptr));
  }
  return out;
}

PayloadConfig every_number() {
  PayloadConfig config;
  config.exclude.clear();
  return config;
}

}  // namespace

TEST_CASE("random documents: exactly the numbers another reader finds") {
  const std::uint64_t seed = 20260201;
  MESSAGE("seed " << seed);
  Writer writer(seed);
  std::size_t numbers = 0;
  for (int round = 0; round < 100; ++round) {
    Subject subject(every_number());
    for (int i = 0; i < 100; ++i) {
      const std::string text = writer.document();
      CAPTURE(text);
      const nlohmann::json document = nlohmann::json::parse(text);
      const Result result = subject.decode(text);
      REQUIRE(result.outcome == MessageOutcome::decoded);
      REQUIRE(numbers_of(result) == expected_numbers(document));
      numbers += result.readings.size();
    }
  }
  CHECK(numbers > 10'000);
}

TEST_CASE("broken documents: refused exactly where another reader refuses them") {
  const std::uint64_t seed = 20260202;
  MESSAGE("seed " << seed);
  Writer writer(seed);
  std::size_t refused = 0, taken = 0;
  for (int round = 0; round < 200; ++round) {
    Subject subject(every_number());
    for (int i = 0; i < 150; ++i) {
      std::string text = writer.document();
      for (std::size_t n = 1 + writer.below(2); n > 0 && !text.empty(); --n) {
        const std::size_t at = writer.below(text.size());
        constexpr std::string_view bytes = "{}[]:,\"\\0123.eE-+truefalsn \n\x01\x7f\x80\xc3\xff";
        const char byte = bytes[writer.below(bytes.size())];
        switch (writer.below(4)) {
          case 0:
            text[at] = byte;
            break;
          case 1:
            text.erase(at, 1);
            break;
          case 2:
            text.insert(at, 1, byte);
            break;
          default:
            text.resize(at);
            break;
        }
      }
      const std::size_t first = text.find_first_not_of(" \n\t\r");
      if (first == std::string::npos || (text[first] != '{' && text[first] != '[' && text[first] != '"'))
        continue;
      CAPTURE(text);
      const Result result = subject.decode(text);
      bool good = true;
      try {
        good = !nlohmann::json::parse(text).is_discarded();
      } catch (const nlohmann::json::parse_error&) {
        good = false;
      } catch (const nlohmann::json::out_of_range&) {
        continue;  // a number beyond a double, which to us is no reason to refuse the rest
      }
      REQUIRE((result.outcome == MessageOutcome::decoded) == good);
      ++(good ? taken : refused);
    }
  }
  CHECK(refused > 5'000);
  CHECK(taken > 1'000);
}

TEST_CASE("an object whose keys change all the time is read like any other") {
  const std::uint64_t seed = 20260203;
  MESSAGE("seed " << seed);
  std::mt19937_64 random(seed);
  Subject subject(every_number());
  for (int i = 0; i < 3000; ++i) {
    std::vector<std::string> keys{
        "a", "bb", "ccccccc", "dddddddd", "eeeeeeeeeeeeeee", "ffffffffffffffff", "ggggggggggggggggg"};
    std::shuffle(keys.begin(), keys.end(), random);
    keys.resize(random() % (keys.size() + 1));
    if (random() % 5 == 0) keys.push_back("new" + std::to_string(i));
    std::string text = "{";
    std::vector<std::string> expected;
    for (const std::string& key : keys) {
      const std::string value = std::to_string(random() % 1000);
      text += (text.size() == 1 ? "\"" : ",\"") + key + "\":" + value;
      expected.push_back("0 " + key + "=" + value);
    }
    REQUIRE(subject.decode(text + "}").readings == expected);
  }
}

TEST_CASE("a table of fields that is full, and keys without end") {
  bridge::FieldTable fields;
  const PayloadConfig config = every_number();
  const auto decoder = bridge::Decoder::make(config, fields);
  std::size_t readings = 0, overflow = 0, sent = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string text = R"({"t":1)";
    for (int k = 0; k < 100; ++k, ++sent)
      text += ",\"key-" + std::to_string(i) + "-" + std::to_string(k) + "\":2";
    const Result result = decode_test::decode_once(*decoder, fields, text + "}", "bare", ' ');
    REQUIRE(result.outcome == MessageOutcome::decoded);
    REQUIRE(result.readings.front() == "0 t=1");  // a known field goes on
    readings += result.readings.size() - 1;
    overflow += result.counts.field_overflow;
  }
  CHECK(fields.size() == bridge::FieldTable::fields_max);
  CHECK(readings == bridge::FieldTable::fields_max - 1);
  CHECK(readings + overflow == sent);
}

TEST_CASE("what the pointer tree learns is bounded, and forgotten for the next") {
  bridge::PointerTree tree(true);
  std::string name(500, 'k');
  std::size_t learned = 0;
  for (int i = 0; !tree.full(); ++i, ++learned) {
    name.replace(0, 8, std::to_string(10'000'000 + i));
    REQUIRE(tree.learn(tree.root(), name, name) != nullptr);
  }
  CHECK(learned < bridge::PointerTree::learned_bytes_max / 1000);
  CHECK(tree.learn(tree.root(), "more", "more") == nullptr);
  CHECK(tree.find(tree.root(), name) != nullptr);
  tree.forget();
  CHECK(tree.find(tree.root(), name) == nullptr);
  CHECK(tree.learn(tree.root(), "more", "more") != nullptr);
  const std::string long_name(bridge::PointerTree::key_bytes_max + 1, 'k');
  CHECK(tree.learn(tree.root(), long_name, long_name) == nullptr);

  // One message with more than can be learned: what has no room is counted, and the next message is whole
  // again.
  Subject subject(every_number());
  std::string text = "{";
  for (int i = 0; i < 40'000; ++i) text += "\"" + name + std::to_string(i) + "\":" + std::to_string(i) + ",";
  const Result result = subject.decode(text + "\"t\":1}");
  CHECK(result.outcome == MessageOutcome::decoded);
  CHECK(result.readings.size() + result.counts.field_overflow == 40'001);
  CHECK(result.counts.field_overflow > 0);
  CHECK(subject.decode(R"({"t":1,"u":2})").readings == std::vector<std::string>{"0 t=1", "0 u=2"});
}

TEST_CASE("steady state allocates nothing") {
  const auto check = [](const PayloadConfig& config, const std::vector<std::string>& payloads) {
    bridge::FieldTable fields;
    const auto decoder = bridge::Decoder::make(config, fields);
    bridge::Decoded out;
    std::vector<std::string> padded;
    for (const std::string& payload : payloads)
      padded.push_back(payload + std::string(bridge::payload_padding, ' '));
    const auto decode_all = [&] {
      for (std::size_t i = 0; i < payloads.size(); ++i) {
        REQUIRE(decoder->decode({padded[i].data(), payloads[i].size()}, "bare", out) ==
                MessageOutcome::decoded);
      }
    };
    decode_all();
    decode_all();
    const std::uint64_t before = allocations;
    for (int i = 0; i < 10; ++i) {
      for (std::size_t p = 0; p < payloads.size(); ++p) {
        (void)decoder->decode({padded[p].data(), payloads[p].size()}, "bare", out);
      }
    }
    CHECK(allocations == before);
  };
  check(every_number(), {R"({"t":1,"env":{"h":2},"s":"x","a":[1,{"b":2}]})",
                         R"({"h":"\u00e9","t":1e5,"n":null})", "5", R"([{"t":1},{"t":2}])"});
  PayloadConfig rows;
  rows.each = {"/rows", bridge::EachAs::map};
  rows.tags = {{"id", "/id"}};
  rows.time = {"/ts"};
  rows.when = {{"/k", "\"x\""}};
  rows.name_at = "/n";
  rows.value_at = "/v";
  check(
      rows,
      {R"({"rows":{"a\u0062":{"n":"temp","v":1,"ts":5,"id":"\n"},"b":[{"n":"temp","v":2}]},"k":"x","id":7,"ts":"2023-11-14T22:13:20Z"})"});
  PayloadConfig columns = every_number();
  columns.each = {"", bridge::EachAs::columns};
  columns.format = bridge::Format::jsonl;
  check(columns, {"{\"t\":[1,2],\"u\":[3,4]}\n{\"t\":[1,2],\"u\":[3,4]}"});
}
