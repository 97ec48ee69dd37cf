#include "bridge/topic.h"

#include <algorithm>

#include "bridge/error.h"
#include "bridge/text.h"

namespace bridge {
namespace {

constexpr std::size_t filter_bytes_max = 65535;  // what MQTT can carry

// What no topic may hold: nothing, or words for the operator.
std::string_view unfit(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > filter_bytes_max) return "is longer than the 65535 bytes MQTT allows";
  for (std::size_t at = 0; at < text.size();) {
    const Character here = character_at(text, at);
    if (here.length == 0) return "is not UTF-8";
    if (is_control(here.code)) return "holds a control character";
    at += here.length;
  }
  return {};
}

// The levels of a topic or filter, one after the other, without copying. A text without "/" is one level.
class Levels {
 public:
  explicit Levels(std::string_view text) : text_(text) {}
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] std::string_view level() const { return text_.substr(at_, end() - at_); }
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  void next() {
    const std::size_t slash = end();
    ended_ = slash == text_.size();
    if (!ended_) at_ = slash + 1;
  }

 private:
  [[nodiscard]] std::size_t end() const { return std::min(text_.find('/', at_), text_.size()); }

  std::string_view text_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

// A topic has at least one character, so a "#" that would also stand for the empty topic means "+/#" in
// truth.
std::string_view without_empty_topic(std::string_view filter) {
  if (filter == "#") return "+/#";
  return filter == "/#" ? "/+/#" : filter;
}

bool begins_with_wildcard(std::string_view filter) { return filter.front() == '+' || filter.front() == '#'; }

// A filter that begins with a wildcard takes no topic that begins with "$".
bool kept_apart_by_dollar(std::string_view a, std::string_view b) {
  return (begins_with_wildcard(a) && b.front() == '$') || (begins_with_wildcard(b) && a.front() == '$');
}

}  // namespace

bool is_template_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (text.empty() || !letter(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

TopicPattern::TopicPattern(std::string_view pattern) : pattern_(pattern) {
  if (const std::string_view words = unfit(pattern); !words.empty()) throw SetupError(complaint(words));
  if (pattern.starts_with("$share/")) {
    throw SetupError(complaint(
        "is a shared subscription, which would hide messages from weir; leave \"$share/<group>/\" out, "
        "and name the group in broker.share"));
  }
  for (Levels levels(pattern); !levels.ended(); levels.next()) {
    const std::string_view level = levels.level();
    const bool last = level.size() == levels.rest().size();
    levels_.push_back(parse_level(level, last));
    if (levels_.size() > 1) filter_ += '/';
    const Level& parsed = levels_.back();
    filter_ += parsed.kind == Kind::text ? parsed.text : parsed.kind == Kind::one ? "+" : "#";
  }
}

TopicPattern::Level TopicPattern::parse_level(std::string_view level, bool last) {
  if (level == "+") return {Kind::one, {}, false};
  if (level == "#") {
    if (!last)
      throw SetupError(
          complaint("has \"#\" before its end; \"#\" takes all levels that follow, so put it last"));
    return {Kind::rest, {}, false};
  }
  if (level.find_first_of("+#") != std::string_view::npos) {
    throw SetupError(
        complaint("has a wildcard inside level " + shown(level) + "; a wildcard must be a whole level"));
  }
  if (level.find_first_of("{}") == std::string_view::npos) return {Kind::text, std::string{level}, false};

  std::string_view name = level;
  const bool braced = level.size() > 2 && level.front() == '{' && level.back() == '}';
  if (braced) name = level.substr(1, level.size() - 2);
  const bool rest = braced && name.ends_with("...");
  if (rest) name.remove_suffix(3);
  if (!braced || !is_template_name(name)) {
    throw SetupError(complaint("has " + shown(level) +
                               "; a capture is a whole level {name} or, last, {name...}, and a name "
                               "is made of letters, digits and _, not beginning with a digit"));
  }
  if (rest && !last)
    throw SetupError(complaint("has " + shown(level) +
                               " before its end; it takes all levels that follow, so put it last"));
  if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
    throw SetupError(
        complaint("captures {" + std::string{name} + "} twice; give each capture a name of its own"));
  }
  names_.emplace_back(name);
  return {rest ? Kind::rest : Kind::one, {}, true};
}

std::string TopicPattern::complaint(std::string_view words) const {
  return shown(pattern_) + ' ' + std::string{words};
}

bool TopicPattern::match(std::string_view topic, std::vector<std::string_view>& captures,
                         std::string_view& rest) const {
  captures.clear();
  rest = {};
  if (topic.empty()) return false;
  if (topic.front() == '$' && levels_.front().kind != Kind::text) return false;
  Levels levels(topic);
  for (const Level& level : levels_) {
    if (level.kind == Kind::rest) {
      rest = levels.ended() ? std::string_view{} : levels.rest();
      if (level.captured) captures.push_back(rest);
      return true;
    }
    if (levels.ended()) return false;
    const std::string_view here = levels.level();
    if (level.kind == Kind::text && here != level.text) return false;
    if (level.captured) captures.push_back(here);
    levels.next();
  }
  return levels.ended();
}

bool filters_overlap(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty() || kept_apart_by_dollar(a, b)) return false;
  Levels in_a(without_empty_topic(a)), in_b(without_empty_topic(b));
  while (!in_a.ended() && !in_b.ended()) {
    const std::string_view one = in_a.level(), other = in_b.level();
    if (one == "#" || other == "#") return true;
    if (one != "+" && other != "+" && one != other) return false;
    in_a.next();
    in_b.next();
  }
  // What is left of the longer one must be nothing, or a "#", which takes no level too.
  const Levels& longer = in_a.ended() ? in_b : in_a;
  return longer.ended() || longer.level() == "#";
}

bool filter_covers(std::string_view outer, std::string_view inner) {
  if (outer.empty() || inner.empty() || (begins_with_wildcard(outer) && inner.front() == '$')) return false;
  Levels out(without_empty_topic(outer)), in(without_empty_topic(inner));
  for (; !out.ended(); out.next(), in.next()) {
    if (out.level() == "#") return true;
    if (in.ended() || in.level() == "#") return false;
    if (out.level() != "+" && out.level() != in.level()) return false;
  }
  return in.ended();
}

TopicTemplate::TopicTemplate(std::string_view text, const std::vector<std::string>& allowed) {
  const auto fail = [&](const std::string& words) { throw SetupError(shown(text) + ' ' + words); };
  if (const std::string_view words = unfit(text); !words.empty()) fail(std::string{words});
  if (text.find_first_of("+#") != std::string_view::npos) {
    fail("holds a wildcard; results go to one topic each, so write {names} where topics differ");
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find_first_of("{}", at), text.size());
    Part part{std::string{text.substr(at, open - at)}, -1};
    at = open;
    if (open < text.size()) {
      const std::size_t close = text.find_first_of("{}", open + 1);
      if (text[open] != '{' || close == std::string_view::npos || text[close] != '}')
        fail("has a brace without its partner");
      const std::string_view name = text.substr(open + 1, close - open - 1);
      const auto found = std::find(allowed.begin(), allowed.end(), name);
      if (found == allowed.end()) {
        std::string names;
        for (const std::string& one : allowed) names += (names.empty() ? "{" : ", {") + one + '}';
        fail("has {" + std::string{name} + "}; known here: " + names);
      }
      part.name = static_cast<int>(found - allowed.begin());
      at = close + 1;
    }
    parts_.push_back(std::move(part));
  }
}

std::string TopicTemplate::widest_filter(const std::vector<const std::string*>& known) const {
  std::string filter, level;
  bool open = false;  // the level in hand holds a name whose value is not known
  const auto end_level = [&] {
    filter += open ? "+" : level;
    level.clear();
    open = false;
  };
  for (const Part& part : parts_) {
    for (const char c : part.literal) {
      if (c == '/') {
        end_level();
        filter += '/';
      } else {
        level += c;
      }
    }
    if (part.name < 0) continue;
    const auto name = static_cast<std::size_t>(part.name);
    if (name < known.size() && known[name] != nullptr) {
      append_topic_level(*known[name], level);
    } else {
      open = true;
    }
  }
  end_level();
  return filter;
}

void append_topic_level(std::string_view value, std::string& out) {
  if (value.empty()) {
    out += '_';
    return;
  }
  for (std::size_t at = 0; at < value.size();) {
    const Character here = character_at(value, at);
    if (here.length == 0 || is_control(here.code) || here.code == '+' || here.code == '#') {
      out += '_';
    } else if (here.code == '/') {
      out += '.';
    } else {
      out.append(value.substr(at, here.length));
    }
    at += here.length == 0 ? 1 : here.length;
  }
}

}  // namespace bridge
