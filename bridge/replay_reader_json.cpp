// Reads JSON lines: one object a line. What mosquitto_sub -F %j or %J writes is read too: it says "tst" for t
// and "retain" for retained.
#include <simdjson.h>

#include <cstring>
#include <optional>

#include "bridge/number.h"
#include "bridge/replay_input.h"
#include "bridge/timestamp.h"

namespace bridge {

namespace {

namespace ondemand = simdjson::ondemand;
static_assert(payload_padding >= simdjson::SIMDJSON_PADDING);

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool append_bytes_of_hex(std::string_view hex, std::string& out) {
  if (hex.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]);
    const int low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high << 4 | low);
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

class JsonLinesReader final : public InputReader {
 public:
  JsonLinesReader(const std::string& path, std::unique_ptr<ReplayInput> input)
      : InputReader(path, std::move(input)) {}

  bool next(Record& record) override {
    std::string_view line;
    while (next_line(line)) {
      if (trimmed(line).empty()) continue;
      const std::string problem = read(line, record);
      if (problem.empty()) return true;
      skip("line " + std::to_string(line_number_) + ": " + problem);
    }
    finish();
    return false;
  }

 private:
  // The next line of an acceptable length, without its end; valid until the next call.
  bool next_line(std::string_view& line) {
    for (;;) {
      input_->consume(pending_);
      pending_ = 0;
      std::size_t searched = 0;
      std::string_view ahead = input_->fill(1);
      if (ahead.empty()) return false;
      ++line_number_;
      std::size_t end = ahead.find('\n');
      while (end == std::string_view::npos && ahead.size() <= replay_line_bytes_max) {
        searched = ahead.size();
        ahead = input_->fill(searched * 2);
        if (ahead.size() == searched) break;  // the last line, without an end
        end = ahead.find('\n', searched);
      }
      const std::size_t length = std::min(end, ahead.size());
      if (length > replay_line_bytes_max) {
        skip("line " + std::to_string(line_number_) + ": longer than 64 MiB");
        pass_line();
        continue;
      }
      line = ahead.substr(0, length);
      pending_ = end == std::string_view::npos ? length : length + 1;
      if (line_number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
      return true;
    }
  }

  // Passes over the rest of a line that is too long.
  void pass_line() {
    for (;;) {
      const std::string_view ahead = input_->fill(1);
      const std::size_t end = ahead.find('\n');
      input_->consume(std::min(end, ahead.size() - 1) + 1);
      if (end != std::string_view::npos || input_->fill(1).empty()) return;
    }
  }

  // Fills `record` in; what is wrong with the line, or nothing.
  std::string read(std::string_view line, Record& record) {
    members_ = {};
    topic_.clear();
    payload_.clear();
    if (const auto error = read_members(line); error != simdjson::SUCCESS)
      return "not a JSON object: " + words(error);
    if (!members_.problem.empty()) return std::string(members_.problem);
    if (members_.time == core::no_time)
      return "no readable time \"t\" (seconds, ms, us, ns since 1970, or ISO 8601)";
    if (!members_.topic) return "no \"topic\"";
    if (const auto problem = topic_problem(topic_); !problem.empty()) return std::string(problem);
    if (!members_.payload) return "no \"payload\"";
    if (members_.empty) payload_.clear();
    record.kind = Kind::message;
    record.message = {};
    set_arrival(members_.time, record);
    record.message.topic = topic_;
    const std::size_t bytes = payload_.size();
    payload_.resize(bytes + payload_padding);
    record.message.payload = {payload_.data(), bytes};
    record.message.qos = members_.qos;
    record.message.stale = members_.retained;
    return {};
  }

  static std::string words(simdjson::error_code error) { return simdjson::error_message(error); }

  simdjson::error_code read_members(std::string_view line) {
    ondemand::document document;
    ondemand::object object;
    if (auto error = parser_.iterate(line.data(), line.size(), line.size() + payload_padding).get(document))
      return error;
    if (auto error = document.get_object().get(object)) return error;
    for (auto member : object) {
      std::string_view key;
      ondemand::value value;
      if (auto error = member.unescaped_key().get(key)) return error;
      if (auto error = member.value().get(value)) return error;
      if (auto error = read_member(key, value)) return error;
    }
    // Nothing may follow the object.
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS ? simdjson::SUCCESS
                                                                          : simdjson::TAPE_ERROR;
  }

  simdjson::error_code read_member(std::string_view key, ondemand::value& value) {
    if (key == "t") return read_time(value);
    if (key == "tst") return read_mosquitto_time(value);
    if (key == "topic") return read_topic(value);
    if (key == "payload") return read_payload(value);
    if (key == "payload_hex") return read_hex(value);
    if (key == "qos") return read_qos(value);
    if (key == "retained" || key == "retain") return read_retained(value);
    if (key == "payloadlen") members_.empty = trimmed(value.raw_json_token()) == "0";
    return simdjson::SUCCESS;
  }

  simdjson::error_code read_time(ondemand::value& value) {
    std::string_view text = trimmed(value.raw_json_token());
    if (text.starts_with('"')) {
      if (auto error = value.get_string().get(text)) return error;
    }
    members_.time = time_of_text(text, TimeUnit::automatic);
    return simdjson::SUCCESS;
  }

  // mosquitto_sub writes a "Z" before the offset of its local time: "2026-11-23T08:00:00.000000Z+0100".
  simdjson::error_code read_mosquitto_time(ondemand::value& value) {
    std::string_view text;
    if (auto error = value.get_string().get(text)) return error;
    const std::size_t z = text.find('Z');
    std::string clean(text.substr(0, z));
    clean += z == std::string_view::npos || z + 1 == text.size() ? "Z" : text.substr(z + 1);
    members_.time = time_of_text(z == std::string_view::npos ? text : clean, TimeUnit::automatic);
    return simdjson::SUCCESS;
  }

  simdjson::error_code read_topic(ondemand::value& value) {
    std::string_view text;
    if (auto error = value.get_string().get(text)) return error;
    topic_ = text;
    members_.topic = true;
    return simdjson::SUCCESS;
  }

  void take_payload() {
    if (members_.payload) members_.problem = "more than one payload";
    members_.payload = true;
  }

  // A string's text as it is; anything else as compact JSON, its numbers digit for digit.
  simdjson::error_code read_payload(ondemand::value& value) {
    take_payload();
    ondemand::json_type type{};
    if (auto error = value.type().get(type)) return error;
    std::string_view text;
    switch (type) {
      case ondemand::json_type::string:
        if (auto error = value.get_string().get(text)) return error;
        payload_ = text;
        return simdjson::SUCCESS;
      case ondemand::json_type::object:
      case ondemand::json_type::array:
        if (auto error = simdjson::to_json_string(value).get(text)) return error;
        return compact(text);
      default:
        payload_ = trimmed(value.raw_json_token());
        const bool word = payload_ == "true" || payload_ == "false" || payload_ == "null";
        return word || is_json_number(payload_) ? simdjson::SUCCESS : simdjson::INCORRECT_TYPE;
    }
  }

  simdjson::error_code compact(std::string_view text) {
    payload_.resize(text.size() + payload_padding);
    std::size_t bytes = 0;
    const auto error = simdjson::minify(text.data(), text.size(), payload_.data(), bytes);
    payload_.resize(bytes);
    return error;
  }

  simdjson::error_code read_hex(ondemand::value& value) {
    take_payload();
    std::string_view text;
    if (auto error = value.get_string().get(text)) return error;
    payload_.clear();
    if (!append_bytes_of_hex(text, payload_))
      members_.problem = "payload_hex is not an even number of hex digits";
    return simdjson::SUCCESS;
  }

  simdjson::error_code read_qos(ondemand::value& value) {
    std::uint64_t qos = 0;
    if (value.get_uint64().get(qos) != simdjson::SUCCESS || qos > 2) {
      members_.problem = "qos is not 0, 1 or 2";
    } else {
      members_.qos = static_cast<std::uint8_t>(qos);
    }
    return simdjson::SUCCESS;
  }

  simdjson::error_code read_retained(ondemand::value& value) {
    const std::string_view text = trimmed(value.raw_json_token());
    members_.retained = text == "true" || text == "1";
    if (!members_.retained && text != "false" && text != "0")
      members_.problem = "retained is not true or false";
    return simdjson::SUCCESS;
  }

  struct Members {
    core::Time time = core::no_time;
    bool topic = false;
    bool payload = false;
    std::uint8_t qos = 0;
    bool retained = false;
    bool empty = false;  // mosquitto_sub writes an empty payload as null, and its length beside it
    std::string_view problem;
  };

  ondemand::parser parser_;
  Members members_;
  std::string topic_;
  std::string payload_;
  std::size_t pending_ = 0;  // bytes of the line in hand
  std::uint64_t line_number_ = 0;
};

}  // namespace

std::unique_ptr<ReplayReader> open_json_lines(const std::string& path, std::unique_ptr<ReplayInput> input) {
  return std::make_unique<JsonLinesReader>(path, std::move(input));
}

}  // namespace bridge
