#include <charconv>
#include <optional>
#include <utility>

#include "bridge/config_names.h"
#include "bridge/config_read.h"
#include "bridge/number.h"
#include "bridge/text.h"

namespace bridge {
namespace {

// RFC 6901: empty, or "/" before every key; "~" only as ~0 or ~1.
bool is_pointer(std::string_view text) {
  if (!text.empty() && text.front() != '/') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) return false;
  }
  return true;
}

std::optional<std::string> pointer_of(const Node& node, const std::string& pointer, Problems& problems) {
  auto text = text_of(node, pointer, problems);
  if (!text || is_pointer(*text)) return text;
  std::string words =
      shown(*text) +
      ": must be a JSON pointer, \"/key\" or \"/key/inner key\" (a \"/\" inside a key is ~1, a \"~\" is ~0)";
  if (text->front() != '/') words += "; did you mean " + shown("/" + *text) + "?";
  problems.add(pointer, words);
  return std::nullopt;
}

// The keys that say how a number is read, from "map" to "range".
void read_number_rules(ObjectReader& in, Problems& problems, FieldConfig& field) {
  constexpr ChoiceNames<bool, 1> numbers{{{"number", true}}}, bools{{{"bool", true}}};
  in.choice("strings", field.strings, numbers);
  in.choice("number_from", field.bools, bools);
  const bool has_map =
      in.members("map", [&](const std::string& text, const Node& value, const std::string& at) {
        if (value.kind == Node::Kind::number)
          field.map.emplace(text, value.number);
        else
          problems.add(at, value.seen() + ": must be a number");
      });
  if (has_map && in.find("map")->items.empty())
    in.problem("map", "is empty; write texts and their numbers, as {\"ON\": 1, \"OFF\": 0}");
  in.elements("null", [&](const Node& value, const std::string& at) {
    if (value.kind == Node::Kind::number)
      field.nulls.push_back(value.number);
    else
      problems.add(at, value.seen() + ": must be a number");
  });
  in.number("scale", field.scale);
  if (field.scale == 0)
    in.problem("scale", "0 would make every value the same; choose another, or leave it out");
  in.number("offset", field.offset);
  std::vector<double> range;
  const bool has_range = in.elements("range", [&](const Node& value, const std::string& at) {
    if (value.kind == Node::Kind::number)
      range.push_back(value.number);
    else
      problems.add(at, value.seen() + ": must be a number");
  });
  if (!has_range) return;
  if (in.find("range")->items.size() != 2) {
    in.problem("range", in.find("range")->seen() + ": must be [low, high]");
  } else if (range.size() == 2 && !(range[0] < range[1])) {
    in.problem("range", "low " + in.find("range")->items[0].text + " is not below high " +
                            in.find("range")->items[1].text + "; put the lower one first");
  } else if (range.size() == 2) {
    field.range = {range[0], range[1]};
  }
}

// "/pointer", or an object with "at" and rules. Returns whether it gave a pointer.
bool read_field(const Node& node, const std::string& pointer, Problems& problems, FieldConfig& field) {
  if (node.kind == Node::Kind::text) {
    auto text = pointer_of(node, pointer, problems);
    if (text) field.at = std::move(*text);
    return text.has_value();
  }
  if (node.kind != Node::Kind::object) {
    problems.add(pointer,
                 node.seen() + ": must be a JSON pointer (\"/temperature\") or an object with \"at\"");
    return false;
  }
  ObjectReader in(node, pointer, problems);
  bool good = false;
  if (const Node* const at = in.need("at", "write where the value is, as {\"at\": \"/temperature\"}")) {
    if (auto text = pointer_of(*at, in.at("at"), problems)) {
      field.at = std::move(*text);
      good = true;
    }
  }
  read_number_rules(in, problems, field);
  in.finish();
  return good;
}

void read_each(const Node& node, const std::string& pointer, Problems& problems, PayloadConfig& payload) {
  EachConfig each;
  if (node.kind == Node::Kind::text) {
    auto text = pointer_of(node, pointer, problems);
    if (!text) return;
    each.at = std::move(*text);
  } else {
    if (node.kind != Node::Kind::object) {
      problems.add(
          pointer,
          node.seen() +
              ": must be a JSON pointer (\"/readings\") or {\"at\": \"/readings\", \"as\": \"array\"}");
      return;
    }
    ObjectReader in(node, pointer, problems);
    if (const Node* const at = in.need("at", "write where the rows are, as {\"at\": \"/readings\"}")) {
      if (auto text = pointer_of(*at, in.at("at"), problems)) each.at = std::move(*text);
    }
    in.choice("as", each.as, each_as_names);
    in.finish();
  }
  payload.each = std::move(each);
}

bool fits_64_bits(const std::string& integer) {
  std::uint64_t size = 0;
  const std::size_t sign = integer.starts_with('-') ? 1 : 0;
  const char* const end = integer.data() + integer.size();
  const auto [behind, error] = std::from_chars(integer.data() + sign, end, size);
  return error == std::errc{} && behind == end && (sign == 0 || size <= std::uint64_t{1} << 63);
}

// One text for one number, whichever way it is written: that of the double it is, or all digits of an integer
// that no double is. Nothing where it is too large for both.
std::optional<std::string> number_text(const std::string& written) {
  const Number number = number_of_text(written);
  if (number.kind == NumberKind::finite && !number.inexact) {
    std::string out;
    append_number(number.value + 0.0, out);  // -0.0 becomes 0.0
    return out;
  }
  if (!fits_64_bits(written)) return std::nullopt;
  return written;
}

// The JSON text of a scalar; nothing where it is a number that cannot be compared.
std::optional<std::string> json_text(const Node& node) {
  if (node.kind == Node::Kind::number) return number_text(node.text);
  if (node.kind != Node::Kind::text) return node.seen();
  std::string out{'"'};
  for (const char c : node.text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

void read_when(ObjectReader& in, Problems& problems, PayloadConfig& payload) {
  in.members("when", [&](const std::string& key, const Node& value, const std::string& at) {
    if (!is_pointer(key)) {
      problems.add(at, shown(key) + ": must be a JSON pointer, as \"/type\"");
    } else if (value.kind == Node::Kind::array || value.kind == Node::Kind::object) {
      problems.add(at, value.seen() + ": must be a string, a number, true, false or null");
    } else if (value.kind == Node::Kind::text && !text_of(value, at, problems)) {
      return;
    } else if (auto json = json_text(value)) {
      payload.when.emplace(key, std::move(*json));
    } else {
      problems.add(at,
                   value.text + ": must be a finite number, and of at most 64 bits where it is an integer");
    }
  });
}

void read_fields(ObjectReader& in, Problems& problems, PayloadConfig& payload) {
  in.members("fields", [&](const std::string& name, const Node& value, const std::string& at) {
    FieldConfig field;
    field.name = name;
    if (name.empty() || name.size() > 256) problems.add(at, "a field's name must have 1 to 256 bytes");
    if (read_field(value, at, problems, field)) payload.fields.push_back(std::move(field));
  });
  if (const Node* const fields = in.find("fields");
      fields != nullptr && fields->items.empty() && fields->kind == Node::Kind::object) {
    in.problem(
        "fields",
        "is empty; name fields, as {\"temperature\": \"/temperature\"}, or leave it out for every number");
  }
}

void read_tags(ObjectReader& in, Problems& problems, PayloadConfig& payload) {
  in.members("tags", [&](const std::string& name, const Node& value, const std::string& at) {
    if (auto text = pointer_of(value, at, problems)) payload.tags.emplace_back(name, std::move(*text));
  });
}

void read_time(ObjectReader& in, Problems& problems, PayloadConfig& payload) {
  const Node* const time = in.find("time");
  if (time == nullptr) return;
  if (time->kind == Node::Kind::array) {
    in.elements("time", [&](const Node& node, const std::string& at) {
      if (auto text = pointer_of(node, at, problems)) payload.time.push_back(std::move(*text));
    });
  } else if (auto text = pointer_of(*time, in.at("time"), problems)) {
    payload.time.push_back(std::move(*text));
  }
}

// Keys that would change nothing beside others.
void report_without_effect(ObjectReader& in, const PayloadConfig& payload) {
  const auto useless = [&](std::string_view key, const std::string& why) {
    if (in.find(key) != nullptr) in.problem(key, "has no effect " + why + "; leave it out");
  };
  if (payload.format == Format::number) {
    for (const char* const key :
         {"when", "each", "name", "value", "include", "exclude", "tags", "time", "time_unit"}) {
      useless(key, "with format \"number\": the payload is one number");
    }
    if (payload.fields.size() > 1)
      in.problem("fields", "with format \"number\" there is one value; name one field");
    for (const FieldConfig& field : payload.fields) {
      if (field.at.empty()) continue;
      in.problem("fields",
                 shown(field.at) + ": with format \"number\" the payload itself is the value; write \"\"");
    }
    return;
  }
  if (in.find("fields") != nullptr) {
    useless("include", "beside \"fields\", which says what is taken");
    useless("exclude", "beside \"fields\", which says what is taken");
    useless("name", "beside \"fields\": a row is either name and value or fields");
    useless("value", "beside \"fields\": a row is either name and value or fields");
  } else if ((in.find("name") != nullptr) != (in.find("value") != nullptr)) {
    const std::string_view there = in.find("name") != nullptr ? "name" : "value";
    in.problem(there, "needs " + shown(there == "name" ? "value" : "name") +
                          " beside it: rows that are name/value pairs have both");
  }
}

}  // namespace

void read_payload(const Node& node, const std::string& pointer, Problems& problems, PayloadConfig& payload) {
  ObjectReader in(node, pointer, problems);
  in.choice("format", payload.format, format_names);
  read_when(in, problems, payload);
  if (const Node* const each = in.find("each")) read_each(*each, in.at("each"), problems, payload);
  read_fields(in, problems, payload);
  if (const Node* const name = in.find("name")) {
    payload.name_at = pointer_of(*name, in.at("name"), problems).value_or("");
    if (name->kind == Node::Kind::text && name->text.empty())
      in.problem("name", "\"\": must be the pointer of a key in the row, as \"/n\"");
  }
  if (const Node* const value = in.find("value")) {
    read_field(*value, in.at("value"), problems, payload.value_as);
    payload.value_at = std::exchange(payload.value_as.at, {});
    if (payload.value_at.empty() && (value->kind == Node::Kind::text && value->text.empty()))
      in.problem("value", "\"\": must be the pointer of a key in the row, as \"/v\"");
  }
  in.texts("include", payload.include);
  if (payload.include.empty())
    in.problem("include", "an empty array: would take nothing; leave it out for everything");
  in.texts("exclude", payload.exclude);
  read_tags(in, problems, payload);
  read_time(in, problems, payload);
  in.choice("time_unit", payload.time_unit, time_unit_names);
  report_without_effect(in, payload);
  in.finish();
}

}  // namespace bridge
