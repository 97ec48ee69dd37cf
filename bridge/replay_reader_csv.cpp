// Reads CSV with a header (RFC 4180: fields in double quotes may hold commas, line ends and doubled quotes).
// A row becomes a message: its topic from the template, its payload a JSON object of the columns that are
// neither the time nor part of the topic.
#include <algorithm>
#include <optional>

#include "bridge/encode.h"
#include "bridge/error.h"
#include "bridge/log.h"
#include "bridge/number.h"
#include "bridge/replay_input.h"
#include "bridge/timestamp.h"

namespace bridge {

namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Splits the input into rows of cells.
class Rows {
 public:
  explicit Rows(ReplayInput& input) : input_(input) {
    if (input_.fill(3).starts_with("\xEF\xBB\xBF")) input_.consume(3);
  }

  // The next row that is not blank; false at the end. problem() says why the row is none; then its cells mean
  // nothing.
  bool next() {
    do {
      if (peek() < 0) return false;
      first_line_ = line_;
      used_ = 0;
      bytes_ = 0;
      problem_ = {};
      while (read_cell()) {
      }
    } while (problem_.empty() && used_ == 1 && cells_[0].empty());
    return true;
  }

  [[nodiscard]] std::span<const std::string> cells() const { return {cells_.data(), used_}; }
  [[nodiscard]] std::string_view problem() const { return problem_; }
  [[nodiscard]] std::uint64_t line() const { return first_line_; }  // on which the row begins

 private:
  // The next byte, or -1 at the end.
  int peek() {
    if (at_ == ahead_.size()) {
      input_.consume(at_);
      ahead_ = input_.fill(1);
      at_ = 0;
      if (ahead_.empty()) return -1;
    }
    return static_cast<unsigned char>(ahead_[at_]);
  }
  void pass(int byte) {
    ++at_;
    if (byte == '\n') ++line_;
  }

  // True when another cell of the row follows.
  bool read_cell() {
    if (used_ == cells_.size()) cells_.emplace_back();
    std::string& cell = cells_[used_++];
    cell.clear();
    if (peek() == '"') {
      pass('"');
      read_quoted(cell);
    }
    return read_plain(cell);
  }

  // Up to the closing quote.
  void read_quoted(std::string& cell) {
    for (int byte = peek(); byte >= 0; byte = peek()) {
      pass(byte);
      if (byte == '"') {
        if (peek() != '"') {
          if (const int next = peek(); next >= 0 && next != ',' && next != '\r' && next != '\n') {
            problem_ = "text behind a closing quote";
          }
          return;
        }
        pass('"');
      }
      if (!keep(byte, cell)) return;
    }
    problem_ = "a quote that is never closed";
  }

  // Up to the comma or the end of the row.
  bool read_plain(std::string& cell) {
    for (int byte = peek(); byte >= 0; byte = peek()) {
      pass(byte);
      if (byte == ',') return true;
      if (byte == '\n') break;
      if (byte == '\r' && (peek() == '\n' || peek() < 0)) continue;
      keep(byte, cell);
    }
    return false;
  }

  bool keep(int byte, std::string& cell) {
    if (++bytes_ > replay_line_bytes_max) {
      problem_ = "longer than 64 MiB";
      return false;
    }
    cell += static_cast<char>(byte);
    return true;
  }

  ReplayInput& input_;
  std::string_view ahead_;
  std::size_t at_ = 0;
  std::vector<std::string> cells_;  // only grows: its strings are used again
  std::size_t used_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t line_ = 1;
  std::uint64_t first_line_ = 1;
  std::string_view problem_;
};

class CsvReader final : public InputReader {
 public:
  CsvReader(const std::string& path, std::unique_ptr<ReplayInput> input, const CsvOptions& options)
      : InputReader(path, std::move(input)), rows_(*input_) {
    if (!rows_.next()) throw error("is empty; its first line must name the columns");
    if (!rows_.problem().empty()) throw error("cannot read the header: " + std::string(rows_.problem()));
    read_header();
    time_column_ = options.time.empty() ? 0 : column(options.time, "--csv-time");
    parse_topic(options.topic);
    choose_members();
  }

  bool next(Record& record) override {
    while (rows_.next()) {
      const std::string problem = rows_.problem().empty() ? read(record) : std::string(rows_.problem());
      if (problem.empty()) return true;
      skip("line " + std::to_string(rows_.line()) + ": " + problem);
    }
    finish();
    return false;
  }

 private:
  [[nodiscard]] SetupError error(const std::string& what) const {
    return SetupError("replay: " + printable(path_) + " " + what);
  }

  void read_header() {
    for (const auto& cell : rows_.cells()) {
      std::string name(trimmed(cell));
      if (name.empty()) name = "column_" + std::to_string(columns_.size() + 1);
      if (std::find(columns_.begin(), columns_.end(), name) != columns_.end()) {
        throw error("names the column \"" + printable(name) + "\" twice; rename one");
      }
      columns_.push_back(std::move(name));
    }
  }

  [[nodiscard]] std::size_t column(std::string_view name, std::string_view option) const {
    const auto found = std::find(columns_.begin(), columns_.end(), name);
    if (found != columns_.end()) return static_cast<std::size_t>(found - columns_.begin());
    std::string allowed;
    for (const auto& known : columns_) allowed += (allowed.empty() ? "" : ", ") + printable(known);
    throw error("has no column \"" + printable(name) + "\"; " + std::string(option) +
                " may name: " + allowed);
  }

  // "plant/{device}/x" -> literals, each followed by a column but the last.
  void parse_topic(std::string_view text) {
    if (text.empty())
      throw error("needs a topic for its rows; give one with --csv-topic, for example 'sensors/{" +
                  columns_.back() + "}'");
    for (;;) {
      const std::size_t open = text.find('{');
      literals_.emplace_back(text.substr(0, open));
      const auto problem = literals_.back().empty() ? std::string_view() : topic_problem(literals_.back());
      if (!problem.empty()) throw error("cannot have " + std::string(problem) + " (--csv-topic)");
      if (open == std::string_view::npos) return;
      const std::size_t close = text.find('}', open);
      if (close == std::string_view::npos) throw error("has a --csv-topic with a { that is never closed");
      topic_columns_.push_back(column(text.substr(open + 1, close - open - 1), "--csv-topic"));
      text.remove_prefix(close + 1);
    }
  }

  void choose_members() {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const bool in_topic =
          std::find(topic_columns_.begin(), topic_columns_.end(), i) != topic_columns_.end();
      if (i == time_column_ || in_topic) continue;
      std::string member;
      append_json_string(columns_[i], member);
      members_.emplace_back(i, member + ':');
    }
  }

  // Fills `record` in; what is wrong with the row, or nothing.
  std::string read(Record& record) {
    const auto cells = rows_.cells();
    if (cells.size() != columns_.size()) {
      return std::to_string(cells.size()) + " cells, where the header has " + std::to_string(columns_.size());
    }
    const core::Time time = time_of_text(trimmed(cells[time_column_]), TimeUnit::automatic);
    if (time == core::no_time) return "no readable time \"" + printable(cells[time_column_]) + "\"";
    topic_ = literals_[0];
    for (std::size_t i = 0; i < topic_columns_.size(); ++i) {
      topic_.append(trimmed(cells[topic_columns_[i]])).append(literals_[i + 1]);
    }
    if (const auto problem = topic_problem(topic_); !problem.empty()) return std::string(problem);
    write_payload(cells);
    record.kind = Kind::message;
    record.message = {};
    set_arrival(time, record);
    record.message.topic = topic_;
    const std::size_t bytes = payload_.size();
    payload_.resize(bytes + payload_padding);
    record.message.payload = {payload_.data(), bytes};
    return {};
  }

  void write_payload(std::span<const std::string> cells) {
    payload_ = '{';
    for (const auto& [index, member] : members_) {
      const std::string_view cell = trimmed(cells[index]);
      if (cell.empty()) continue;
      if (payload_.size() > 1) payload_ += ',';
      payload_ += member;
      append_value(cell, cells[index]);
    }
    payload_ += '}';
  }

  // A number as it is written where JSON allows that, else as its value; everything else as text.
  void append_value(std::string_view cell, std::string_view whole) {
    if (is_json_number(cell)) {
      payload_ += cell;
    } else if (const Number number = number_of_text(cell); number.kind == NumberKind::finite) {
      append_number(number.value, payload_);
    } else {
      append_json_string(whole, payload_);
    }
  }

  Rows rows_;
  std::vector<std::string> columns_;
  std::size_t time_column_ = 0;
  std::vector<std::string> literals_;  // one more than topic_columns_
  std::vector<std::size_t> topic_columns_;
  std::vector<std::pair<std::size_t, std::string>> members_;  // column and `"name":`
  std::string topic_;
  std::string payload_;
};

}  // namespace

std::unique_ptr<ReplayReader> open_csv(const std::string& path, std::unique_ptr<ReplayInput> input,
                                       const CsvOptions& options) {
  return std::make_unique<CsvReader>(path, std::move(input), options);
}

}  // namespace bridge
