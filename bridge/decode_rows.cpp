#include "bridge/decode_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bridge/decode_string.h"
#include "bridge/timestamp.h"

namespace bridge {
namespace {

constexpr std::size_t named_bytes_max = 8U << 20U;

bool blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

Rows::Rows(const PayloadConfig& config, FieldTable& fields)
    : config_(config),
      fields_(fields),
      filter_(config.include, config.exclude),
      row_tree_(config.fields.empty() && config.name_at.empty() && config.value_at.empty()),
      outer_tree_(false),
      tag_count_(config.tags.size() + (config.each && config.each->as == EachAs::map ? 1 : 0)),
      plain_(tag_count_ == 0 && config.time.empty() && config.when.empty() && config.name_at.empty() &&
             config.value_at.empty()) {
  for (const FieldConfig& field : config.fields) {
    row_tree_.add(field.at).uses.push_back(
        {PointerUse::Kind::field, static_cast<std::uint32_t>(field_rules_.size())});
    field_rules_.push_back(rule_of(field, fields.intern(field.name)));
  }
  if (!config.name_at.empty() || !config.value_at.empty()) {
    row_tree_.add(config.name_at).uses.push_back({PointerUse::Kind::name, 0});
    row_tree_.add(config.value_at).uses.push_back({PointerUse::Kind::value, 0});
  }
  for (const auto& [pointer, json] : config.when) add_when(json);
  compile(row_tree_);
  if (config.each) {
    compile(outer_tree_);
    outer_tree_.add(config.each->at).each = true;
  }
  for (FieldRule& rule : field_rules_) make_direct(rule);
  for (Found* found : {&row_found_, &outer_found_}) {
    found->tags.resize(tag_count_);
    found->times.resize(config.time.size());
    found->when.resize(config.when.size());
  }
}

Rows::FieldRule Rows::rule_of(const FieldConfig& config, FieldId id) {
  const bool scaled = config.scale != 1 || config.offset != 0;
  return {&config, id, scaled || config.range || !config.nulls.empty(), {}};
}

// Where one field and nothing else wants a number, and takes it as it is.
void Rows::make_direct(FieldRule& rule) {
  TreeNode& node = row_tree_.add(rule.config->at);
  if (node.uses.size() != 1 || rule.changes || rule.id == FieldTable::none) return;
  node.field = rule.id;
  node.direct = &rule.slot;
}

// Tags, times and `when` are looked for in the rows and beside them.
void Rows::compile(PointerTree& tree) {
  using Kind = PointerUse::Kind;
  std::uint32_t index = 0;
  for (const auto& [name, pointer] : config_.tags) tree.add(pointer).uses.push_back({Kind::tag, index++});
  index = 0;
  for (const std::string& pointer : config_.time) tree.add(pointer).uses.push_back({Kind::time, index++});
  index = 0;
  for (const auto& [pointer, json] : config_.when) tree.add(pointer).uses.push_back({Kind::when, index++});
}

void Rows::add_when(std::string_view json) {
  Wanted wanted{JsonKind::null, std::string(json), {}};
  if (json.size() >= 2 && json.front() == '"') {
    wanted.kind = JsonKind::string;
    wanted.raw.resize(json.size());
    const char* const end = unescape_string(json.substr(1, json.size() - 2), wanted.raw.data());
    wanted.raw.resize(end == nullptr ? 0 : static_cast<std::size_t>(end - wanted.raw.data()));
  } else if ((wanted.number = number_of_text(json)).kind != NumberKind::not_a_number) {
    wanted.kind = JsonKind::number;
  } else if (json == "true" || json == "false") {
    wanted.kind = json == "true" ? JsonKind::yes : JsonKind::no;
  }
  when_.push_back(std::move(wanted));
}

void Rows::Found::clear() {
  std::fill(tags.begin(), tags.end(), std::string_view{});
  std::fill(times.begin(), times.end(), std::nullopt);
  std::fill(when.begin(), when.end(), Held::absent);
  name.reset();
  value.reset();
}

void Rows::begin_payload(std::size_t payload_bytes, std::string_view bare_field, Decoded& out) {
  out_ = &out;
  bare_field_ = bare_field;
  if (text_.size() < payload_bytes) text_.resize(payload_bytes);
  text_end_ = text_.data();
  row_count_ = 0;
  document_mark_ = {};
  fresh_ = true;
  if (row_tree_.full()) row_tree_.forget();
  if (outer_tree_.full()) outer_tree_.forget();
  if (named_bytes_ >= named_bytes_max) named_.clear(), named_bytes_ = 0;
}

void Rows::begin_document() {
  if (!fresh_) document_mark_ = mark();
  fresh_ = false;
  kept_ = 0;
  if (config_.each) outer_found_.clear();
  row_when_.clear();
  found_ = &outer_found_;
}

MessageOutcome Rows::end_document() {
  if (config_.each) {
    if (!when_.empty()) drop_by_outer_when();
    add_outer_tags();
    add_outer_time();
  }
  if (when_.empty() || kept_ != 0) return MessageOutcome::decoded;
  take_back(document_mark_);
  return MessageOutcome::ignored;
}

MessageOutcome Rows::malformed_document() {
  take_back(document_mark_);
  return MessageOutcome::malformed;
}

void Rows::take_back(const Mark& mark) {
  static_cast<DecodeCounts&>(*out_) = mark.counts;
  out_->readings.resize(mark.readings);
  out_->tags.resize(mark.tags);
  row_count_ = mark.rows;
}

void Rows::begin_full_row(std::string_view key) {
  row_mark_ = {*out_, out_->readings.size(), out_->tags.size(), row_count_ - 1};
  row_found_.clear();
  found_ = &row_found_;
  if (config_.each && config_.each->as == EachAs::map) row_found_.tags.back() = key;
}

void Rows::end_full_row() {
  found_ = &outer_found_;
  if (!when_.empty() && !end_when()) return take_back(row_mark_);
  if (!end_name_value()) return bad_row();
  end_times();
  if (tag_count_ != 0) out_->tags.insert(out_->tags.end(), row_found_.tags.begin(), row_found_.tags.end());
  if (config_.each && !when_.empty()) {
    row_when_.insert(row_when_.end(), row_found_.when.begin(), row_found_.when.end());
  }
  ++kept_;
}

void Rows::bad_row() {
  found_ = &outer_found_;
  take_back(row_mark_);
  no_row();
}

// False when this row says that it is not wanted. What it does not say may stand beside the rows.
bool Rows::end_when() {
  const bool may_be_beside = config_.each.has_value();
  return std::none_of(row_found_.when.begin(), row_found_.when.end(), [&](Held held) {
    return held == Held::no || (held == Held::absent && !may_be_beside);
  });
}

// A row without a value changes nothing; a value without a name belongs nowhere.
bool Rows::end_name_value() {
  if (!row_found_.value) return true;
  if (!row_found_.name) return false;
  const JsonValue& name = *row_found_.name;
  if (name.kind != JsonKind::string && name.kind != JsonKind::number) return false;
  NamedField& entry = named(name.raw);
  if (entry.taken) field(entry.rule, *row_found_.value);
  return true;
}

Rows::NamedField& Rows::named(std::string_view name) {
  const auto found = named_.find(name);
  if (found != named_.end()) return found->second;
  const bool taken = filter_.takes_name(name);
  named_bytes_ += sizeof(NamedField) + name.size() + 64;
  return named_
      .emplace(name,
               NamedField{taken, rule_of(config_.value_as, taken ? fields_.intern(name) : FieldTable::none)})
      .first->second;
}

std::optional<core::Time> Rows::time_found(const Found& found) const {
  std::optional<core::Time> unreadable;
  for (const std::optional<core::Time>& time : found.times) {
    if (time && *time != core::no_time) return time;
    if (time) unreadable = time;
  }
  return unreadable;
}

void Rows::end_times() {
  const std::optional<core::Time> time = time_found(row_found_);
  if (!time) return;
  if (*time == core::no_time) ++out_->bad_times;
  for (std::size_t i = row_mark_.readings; i < out_->readings.size(); ++i) out_->readings[i].time = *time;
}

void Rows::drop_by_outer_when() {
  const std::uint32_t first = document_mark_.rows;
  const auto unwanted = [&](std::uint32_t row) {
    for (std::size_t i = 0; i < when_.size(); ++i) {
      if (row_when_[(row - first) * when_.size() + i] == Held::absent && outer_found_.when[i] != Held::yes)
        return true;
    }
    return false;
  };
  for (std::uint32_t row = first; row < row_count_; ++row) kept_ -= unwanted(row) ? 1U : 0U;
  const auto from = out_->readings.begin() + static_cast<std::ptrdiff_t>(document_mark_.readings);
  const auto gone = std::remove_if(from, out_->readings.end(),
                                   [&](const Reading& reading) { return unwanted(reading.row); });
  out_->readings.erase(gone, out_->readings.end());
}

void Rows::add_outer_tags() {
  for (std::size_t i = document_mark_.tags; i < out_->tags.size(); ++i) {
    if (out_->tags[i].empty()) out_->tags[i] = outer_found_.tags[(i - document_mark_.tags) % tag_count_];
  }
}

void Rows::add_outer_time() {
  const std::optional<core::Time> time = time_found(outer_found_);
  if (!time) return;
  if (*time == core::no_time) ++out_->bad_times;
  for (std::size_t i = document_mark_.readings; i < out_->readings.size(); ++i) {
    if (out_->readings[i].time == core::no_time) out_->readings[i].time = *time;
  }
}

std::optional<std::string_view> Rows::unescape(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos) return raw;
  char* const begin = text_end_;
  char* const end = unescape_string(raw, begin);
  if (end == nullptr) return std::nullopt;
  text_end_ = end;
  return std::string_view(begin, static_cast<std::size_t>(end - begin));
}

// Whether include and exclude take the node's numbers. With `intern` it also gets its field.
bool Rows::choose(TreeNode& node, bool intern) {
  if (node.choice == Choice::unknown) {
    node.choice = filter_.takes_pointer(node.pointer) ? Choice::included : Choice::excluded;
  }
  if (node.choice == Choice::included && intern) {
    node.choice = Choice::interned;
    node.field = fields_.intern(node.pointer);
    if (node.field != FieldTable::none) node.direct = &node.slot;
  }
  return node.choice != Choice::excluded;
}

void Rows::odd_number(TreeNode& node, const Number& number, std::string_view raw) {
  if (!node.uses.empty()) return use(node, {JsonKind::number, raw, number});
  if (node.automatic && choose(node, true)) emit(node.field, node.slot, number);
}

void Rows::null(TreeNode& node) {
  if (!node.uses.empty()) return use(node, {JsonKind::null, "null"});
  // It alone does not make a field: `field` is none until a number has come.
  if (node.automatic && choose(node, false)) no_reading(node.field, node.slot);
}

void Rows::bare_number(const Number& number) {
  FieldSlot slot;
  emit(fields_.intern(bare_field_), slot, number);
}

void Rows::use(const TreeNode& node, JsonValue value) {
  if (value.kind == JsonKind::string) value.raw = *unescape(value.raw);
  const bool scalar =
      value.kind != JsonKind::null && value.kind != JsonKind::object && value.kind != JsonKind::array;
  for (const PointerUse& wish : node.uses) {
    switch (wish.kind) {
      case PointerUse::Kind::field:
        field(field_rules_[wish.index], value);
        break;
      case PointerUse::Kind::tag:
        found_->tags[wish.index] = scalar ? value.raw : std::string_view{};
        break;
      case PointerUse::Kind::time:
        if (value.kind != JsonKind::null) found_->times[wish.index] = time_of(value);
        break;
      case PointerUse::Kind::when:
        found_->when[wish.index] = holds(when_[wish.index], value) ? Held::yes : Held::no;
        break;
      case PointerUse::Kind::name:
        found_->name = value;
        break;
      case PointerUse::Kind::value:
        found_->value = value;
        break;
    }
  }
}

core::Time Rows::time_of(const JsonValue& value) const {
  const bool readable = value.kind == JsonKind::number || value.kind == JsonKind::string;
  if (!readable) return core::no_time;
  // A number of so few characters is whole only where its text is.
  constexpr std::size_t exact_characters = 15;
  if (value.kind == JsonKind::number && value.raw.size() <= exact_characters &&
      value.number.kind == NumberKind::finite && std::fabs(value.number.value) < 1e15) {
    const auto whole = static_cast<std::int64_t>(value.number.value);
    if (static_cast<double>(whole) == value.number.value) return time_of_integer(whole, config_.time_unit);
  }
  return time_of_text(value.raw, config_.time_unit);
}

bool Rows::holds(const Wanted& wanted, const JsonValue& value) {
  if (wanted.kind != value.kind) return false;
  if (wanted.kind == JsonKind::string) return wanted.raw == value.raw;
  if (wanted.kind != JsonKind::number || wanted.raw == value.raw) return true;
  const bool exact = !wanted.number.inexact && !value.number.inexact;
  return exact && wanted.number.kind == NumberKind::finite && value.number.kind == NumberKind::finite &&
         wanted.number.value == value.number.value;
}

void Rows::field(FieldRule& rule, const JsonValue& value) {
  const bool boolean = value.kind == JsonKind::yes || value.kind == JsonKind::no;
  if (value.kind == JsonKind::number) return field_number(rule, value.number);
  if (value.kind == JsonKind::string) return field_text(rule, value.raw);
  if (value.kind == JsonKind::null) {
    no_reading(rule.id, rule.slot);
  } else if (boolean && rule.config->bools) {
    field_number(rule, {NumberKind::finite, value.kind == JsonKind::yes ? 1.0 : 0.0, false});
  } else {
    ++out_->wrong_types;
  }
}

void Rows::field_text(FieldRule& rule, std::string_view text) {
  if (!rule.config->map.empty()) {
    for (const auto& [word, value] : rule.config->map) {
      if (word == text) return emit(rule.id, rule.slot, {NumberKind::finite, value, false});
    }
  }
  if (!rule.config->strings) {
    ++out_->wrong_types;
  } else if (blank(text)) {
    no_reading(rule.id, rule.slot);
  } else {
    field_number(rule, number_of_text(text));
  }
}

void Rows::field_number(FieldRule& rule, Number number) {
  const FieldConfig& config = *rule.config;
  if (number.kind == NumberKind::not_a_number) {
    ++out_->wrong_types;
    return;
  }
  if (number.kind == NumberKind::finite && rule.changes) {
    const bool null = std::find(config.nulls.begin(), config.nulls.end(), number.value) != config.nulls.end();
    const bool outside =
        config.range && !(number.value >= config.range->first && number.value <= config.range->second);
    if (null || outside) return no_reading(rule.id, rule.slot);
    number.value = number.value * config.scale + config.offset;
    if (!std::isfinite(number.value)) number.kind = NumberKind::not_finite;
  }
  emit(rule.id, rule.slot, number);
}

void Rows::emit(FieldId id, FieldSlot& slot, const Number& number) {
  if (number.kind != NumberKind::finite) {
    ++out_->not_finite;
    return;
  }
  out_->inexact += number.inexact ? 1 : 0;
  if (id == FieldTable::none) {
    ++out_->field_overflow;
  } else {
    put(id, slot, number.value);
  }
}

void Rows::no_reading(FieldId id, FieldSlot& slot) {
  if (out_->wants_nulls && id != FieldTable::none) {
    put(id, slot, std::numeric_limits<double>::quiet_NaN());
  } else {
    ++out_->no_readings;
  }
}

// Of a field that stands twice in a row the last counts.
void Rows::put(FieldId id, FieldSlot& slot, double value) {
  if (slot.row == row_serial_ && slot.reading < out_->readings.size()) {
    out_->readings[slot.reading].value = value;
  } else {
    slot = {row_serial_, out_->readings.size()};
    out_->readings.push_back({id, row_count_ - 1, core::no_time, value});
  }
}

}  // namespace bridge
