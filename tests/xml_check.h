// Whether a text is well-formed XML, as far as pages of weir need it: elements that nest and end, attributes
// in quotes and once each, no bare "<" or "&", known entities, no characters that XML forbids.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/text.h"

namespace test {

class XmlCheck {
 public:
  explicit XmlCheck(std::string_view text) : text_(text) {}

  // What is wrong first, with the text around it; empty: nothing.
  [[nodiscard]] std::string problem() {
    while (at_ < text_.size() && problem_.empty()) {
      if (eats("<!DOCTYPE html>")) continue;
      if (eats("</")) {
        end_tag();
      } else if (eats("<")) {
        tag();
      } else {
        character('\0');
      }
    }
    if (problem_.empty() && !open_.empty()) fail("not ended: " + open_.back());
    return problem_;
  }

 private:
  bool eats(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  std::string name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '-'))
      ++at_;
    if (begin == at_) fail("no name");
    return std::string{text_.substr(begin, at_ - begin)};
  }
  void end_tag() {
    const std::string ended = name();
    if (!eats(">")) fail("end tag");
    if (open_.empty() || open_.back() != ended) return fail("ends what is not open: " + ended);
    open_.pop_back();
  }
  void tag() {
    const std::string opened = name();
    std::set<std::string> seen;
    while (problem_.empty() && eats(" ")) {
      if (!seen.insert(name()).second) fail("attribute twice");
      if (!eats("=\"")) fail("attribute without quotes");
      while (problem_.empty() && !eats("\"")) character('"');
    }
    if (eats("/>")) return;
    if (!eats(">")) return fail("tag " + opened);
    open_.push_back(opened);
  }
  void character(char end) {
    if (at_ >= text_.size()) return fail("ends too early");
    if (text_[at_] == '&') {
      for (const char* entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
        if (eats(entity)) return;
      }
      return fail("bare &");
    }
    if (text_[at_] == '<' || (end == '"' && text_[at_] == '>')) return fail("bare < or >");
    const bridge::Character here = bridge::character_at(text_, at_);
    if (here.length == 0 || (bridge::is_control(here.code) && here.code != '\n')) return fail("no character");
    at_ += here.length;
  }
  void fail(const std::string& what) {
    if (problem_.empty()) {
      problem_ = what + " near: " + std::string{text_.substr(at_ < 40 ? 0 : at_ - 40, 80)} + " at " +
                 std::to_string(at_);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  std::string problem_;
};

}  // namespace test
