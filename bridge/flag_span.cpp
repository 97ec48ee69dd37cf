#include "bridge/flag_span.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bridge/chart_text.h"
#include "bridge/timestamp.h"
#include "core/check.h"

namespace bridge {
namespace {

using Json = nlohmann::json;

core::Time time_of(const Json& message, const char* member) {
  const auto& text = message.at(member).get_ref<const std::string&>();
  return time_of_text(text, TimeUnit::automatic);
}

// Its reason, from what the message says of it.
std::string why(const Json& message) {
  core::FlagChange change{};
  const auto number = [&](const char* member) {
    const auto found = message.find(member);
    return found == message.end() ? std::nullopt : std::optional{found->get<double>()};
  };
  change.value = number("value");
  change.expected = number("expected");
  change.low = number("low");
  change.high = number("high");
  change.score = number("score").value_or(0);
  return reason(change);
}

}  // namespace

void FlagSpans::take(const std::vector<Outbox*>& outboxes) {
  for (Outbox* outbox : outboxes) {
    for (const Result* result = outbox->front(); result != nullptr; result = outbox->front()) {
      // A key called "id" is published under another name: only flags begin so.
      if (result->payload.starts_with(R"({"v":1,"id":)")) add(result->payload);
      outbox->pop();
    }
  }
}

void FlagSpans::add(std::string_view payload) {
  const Json message = Json::parse(payload, nullptr, false);
  CHECK(!message.is_discarded(), "a flag is no JSON: %.*s", static_cast<int>(payload.size()), payload.data());
  const auto& id = message.at("id").get_ref<const std::string&>();
  const auto [at, fresh] = by_id_.try_emplace(id);
  FlagSpan& span = at->second;
  const core::Time time = time_of(message, "time");
  if (message.at("state") == "cleared") {
    span.ended = std::max(time, span.raised);
    span.cleared = true;
  } else if (fresh) {
    span.id = id;
    span.series = id.substr(0, id.rfind('/'));
    span.rule = id.substr(0, id.find('/', id.find('/') + 1));
    span.raised = time;
    span.why = why(message);
  }
}

std::vector<FlagSpan> FlagSpans::finish() {
  std::vector<FlagSpan> all;
  for (auto& [id, span] : by_id_) {
    // A clear without a raise is none: the result of its raise was lost, which a replay does not do.
    if (!span.id.empty()) all.push_back(std::move(span));
  }
  std::sort(all.begin(), all.end(), [](const FlagSpan& a, const FlagSpan& b) {
    return a.series != b.series ? a.series < b.series : a.raised < b.raised;
  });
  for (std::size_t i = 1; i < all.size(); ++i) {
    // A silence is not cleared when its series is given up; when that begins anew, it is no longer up.
    FlagSpan& before = all[i - 1];
    if (before.series == all[i].series && !before.ended) before.ended = all[i].raised;
  }
  return all;
}

}  // namespace bridge
