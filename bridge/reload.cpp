#include "bridge/reload.h"

#include <nlohmann/json.hpp>
#include <set>

namespace bridge {
namespace {

const std::set<std::string> exchangeable{"streams", "http", "log"};

}  // namespace

std::string sections_that_differ(const Config& a, const Config& b) {
  const auto in_a = nlohmann::json::parse(describe(a)), in_b = nlohmann::json::parse(describe(b));
  std::string differ;
  for (const auto& [name, section] : in_a.items()) {
    if (exchangeable.contains(name) || in_b.at(name) == section) continue;
    differ += (differ.empty() ? "" : ", ") + name;
  }
  return differ;
}

Outcome outcome_of(const std::vector<StreamConfig>& before, const std::vector<StreamConfig>& now,
                   const Adoption& adoption) {
  std::set<std::string> ended;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (!adoption.stays[i]) ended.insert(before[i].name);
  }
  Outcome outcome;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const bool known = ended.erase(now[i].name) != 0;
    (adoption.from[i] != Adoption::none ? outcome.kept
     : known                            ? outcome.reset
                                        : outcome.begun)
        .push_back(now[i].name);
  }
  outcome.gone.assign(ended.begin(), ended.end());
  return outcome;
}

std::string text_of(const Outcome& outcome) {
  std::string text;
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) text += (text.empty() ? "" : "; ") + std::string(what) + ": " + text_of(names);
  };
  add("kept", outcome.kept);
  add("reset", outcome.reset);
  add("new", outcome.begun);
  add("gone", outcome.gone);
  return text;
}

std::string text_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace bridge
