// A validator for the part of JSON Schema (draft 2020-12) that schemas/ uses. For tests only; single thread.
// A keyword it does not know is an error when the schema is read, so a schema cannot promise what no test
// checks. `format` and annotations (title, description, examples, default, $comment) are read over.
#pragma once

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace json_schema {

using Json = nlohmann::json;

class Schema {
 public:
  // Throws std::runtime_error: an unknown keyword, a $ref that leads nowhere, a pattern that is no regular
  // expression.
  explicit Schema(Json root) : root_(std::move(root)) { check_schema(root_, "#"); }

  static Schema from_file(const std::string& path) {
    std::ifstream in(path);
    if (!in) throw std::runtime_error("cannot open " + path);
    return Schema(Json::parse(in));
  }

  // What is wrong with `value`: "<json pointer>: <words>". Empty: valid.
  [[nodiscard]] std::vector<std::string> problems(const Json& value) const {
    std::vector<std::string> out;
    validate(root_, value, "", out);
    return out;
  }
  [[nodiscard]] bool accepts(const Json& value) const { return problems(value).empty(); }
  [[nodiscard]] const Json& root() const { return root_; }

 private:
  using Problems = std::vector<std::string>;

  // --- the schema itself
  // --------------------------------------------------------------------------------------------

  void check_schema(const Json& schema, const std::string& at) const {
    if (schema.is_boolean()) return;
    if (!schema.is_object()) throw std::runtime_error("schema " + at + ": neither an object nor a boolean");
    for (const auto& [key, value] : schema.items()) check_keyword(key, value, at + "/" + key);
  }

  void check_keyword(const std::string& key, const Json& value, const std::string& at) const {
    static const std::set<std::string> annotations{"$schema",     "$id",       "$comment", "title",
                                                   "description", "default",   "examples", "format",
                                                   "readOnly",    "deprecated"};
    static const std::set<std::string> assertions{"type",
                                                  "enum",
                                                  "const",
                                                  "required",
                                                  "minimum",
                                                  "maximum",
                                                  "exclusiveMinimum",
                                                  "exclusiveMaximum",
                                                  "minItems",
                                                  "maxItems",
                                                  "uniqueItems",
                                                  "minLength",
                                                  "maxLength",
                                                  "minProperties",
                                                  "maxProperties"};
    static const std::set<std::string> one_schema{"additionalProperties", "items", "propertyNames", "not"};
    static const std::set<std::string> schema_arrays{"prefixItems", "oneOf", "anyOf", "allOf"};
    static const std::set<std::string> schema_maps{"properties", "patternProperties", "$defs"};
    if (annotations.contains(key) || assertions.contains(key)) return;
    if (key == "pattern") return static_cast<void>(regex_of(value.get<std::string>()));
    if (key == "$ref") return static_cast<void>(resolve(value.get<std::string>()));
    if (one_schema.contains(key)) return check_schema(value, at);
    if (!schema_arrays.contains(key) && !schema_maps.contains(key)) {
      throw std::runtime_error("schema " + at + ": this keyword is not known to the validator");
    }
    if (value.is_array() != schema_arrays.contains(key))
      throw std::runtime_error("schema " + at + ": wrong type");
    for (const auto& [name, sub] : value.items()) {
      if (key == "patternProperties") static_cast<void>(regex_of(name));
      check_schema(sub, at + "/" + name);
    }
  }

  [[nodiscard]] const Json& resolve(const std::string& ref) const {
    if (ref == "#") return root_;
    if (ref.rfind("#/$defs/", 0) != 0)
      throw std::runtime_error("$ref " + ref + ": only #/$defs/... is supported");
    const Json::json_pointer pointer(ref.substr(1));
    if (!root_.contains(pointer)) throw std::runtime_error("$ref " + ref + ": leads nowhere");
    return root_.at(pointer);
  }

  // Made once each: that takes far longer than to use one.
  static const std::regex& regex_of(const std::string& text) {
    static std::map<std::string, std::regex> made;
    try {
      if (const auto known = made.find(text); known != made.end()) return known->second;
      return made.emplace(text, std::regex(text, std::regex::ECMAScript)).first->second;
    } catch (const std::regex_error&) {
      throw std::runtime_error("pattern " + text + ": not a regular expression");
    }
  }

  // --- a value
  // --------------------------------------------------------------------------------------------------------

  static bool is_type(const Json& value, const std::string& type) {
    if (type == "null") return value.is_null();
    if (type == "boolean") return value.is_boolean();
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "number") return value.is_number();
    if (type != "integer") throw std::runtime_error("type " + type + ": no such type");
    return value.is_number_integer() ||
           (value.is_number_float() && std::nearbyint(value.get<double>()) == value.get<double>());
  }

  static std::string escaped(std::string key) {
    for (std::size_t i = 0; i < key.size(); ++i) {
      if (key[i] == '~')
        key.replace(i++, 1, "~0");
      else if (key[i] == '/')
        key.replace(i++, 1, "~1");
    }
    return key;
  }

  void validate(const Json& schema, const Json& value, const std::string& at, Problems& out) const {
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) out.push_back(at + ": nothing is allowed here");
      return;
    }
    if (schema.contains("$ref")) validate(resolve(schema.at("$ref").get<std::string>()), value, at, out);
    any_type(schema, value, at, out);
    combined(schema, value, at, out);
    if (value.is_number()) number(schema, value.get<double>(), at, out);
    if (value.is_string()) string(schema, value.get<std::string>(), at, out);
    if (value.is_array()) array(schema, value, at, out);
    if (value.is_object()) object(schema, value, at, out);
  }

  static void any_type(const Json& schema, const Json& value, const std::string& at, Problems& out) {
    if (schema.contains("type")) {
      const Json& type = schema.at("type");
      const bool fits =
          type.is_array()
              ? std::any_of(type.begin(), type.end(),
                            [&](const Json& one) { return is_type(value, one.get<std::string>()); })
              : is_type(value, type.get<std::string>());
      if (!fits) out.push_back(at + ": is not of type " + type.dump());
    }
    if (schema.contains("const") && value != schema.at("const"))
      out.push_back(at + ": is not " + schema.at("const").dump());
    if (schema.contains("enum")) {
      const Json& allowed = schema.at("enum");
      if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
        out.push_back(at + ": is none of " + allowed.dump());
    }
  }

  void combined(const Json& schema, const Json& value, const std::string& at, Problems& out) const {
    if (schema.contains("allOf")) {
      for (const Json& sub : schema.at("allOf")) validate(sub, value, at, out);
    }
    for (const char* const key : {"anyOf", "oneOf"}) {
      if (!schema.contains(key)) continue;
      Problems reasons;
      std::size_t fits = 0;
      for (const Json& sub : schema.at(key)) {
        Problems here;
        validate(sub, value, at, here);
        if (here.empty()) ++fits;
        reasons.insert(reasons.end(), here.begin(), here.end());
      }
      const bool good = key[0] == 'a' ? fits > 0 : fits == 1;
      if (good) continue;
      out.push_back(at + ": fits " + std::to_string(fits) + " of " + key);
      if (fits == 0) out.insert(out.end(), reasons.begin(), reasons.end());
    }
    if (schema.contains("not")) {
      Problems here;
      validate(schema.at("not"), value, at, here);
      if (here.empty()) out.push_back(at + ": is what it must not be");
    }
  }

  static void number(const Json& schema, double value, const std::string& at, Problems& out) {
    const auto limit = [&](const char* key, auto&& bad) {
      if (schema.contains(key) && bad(value, schema.at(key).get<double>())) {
        out.push_back(at + ": " + key + " is " + schema.at(key).dump());
      }
    };
    limit("minimum", std::less<double>{});
    limit("maximum", std::greater<double>{});
    limit("exclusiveMinimum", std::less_equal<double>{});
    limit("exclusiveMaximum", std::greater_equal<double>{});
  }

  static void string(const Json& schema, const std::string& value, const std::string& at, Problems& out) {
    const auto characters = static_cast<std::size_t>(std::count_if(
        value.begin(), value.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
    counted(schema, "minLength", "maxLength", characters, at, out);
    if (schema.contains("pattern") &&
        !std::regex_search(value, regex_of(schema.at("pattern").get<std::string>()))) {
      out.push_back(at + ": does not match " + schema.at("pattern").dump());
    }
  }

  static void counted(const Json& schema, const char* least, const char* most, std::size_t count,
                      const std::string& at, Problems& out) {
    if (schema.contains(least) && count < schema.at(least).get<std::size_t>())
      out.push_back(at + ": below " + least);
    if (schema.contains(most) && count > schema.at(most).get<std::size_t>())
      out.push_back(at + ": above " + most);
  }

  void array(const Json& schema, const Json& value, const std::string& at, Problems& out) const {
    counted(schema, "minItems", "maxItems", value.size(), at, out);
    if (schema.value("uniqueItems", false)) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (std::find(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(i), value[i]) !=
            value.begin() + static_cast<std::ptrdiff_t>(i)) {
          out.push_back(at + "/" + std::to_string(i) + ": stands twice");
        }
      }
    }
    const std::size_t prefix = schema.contains("prefixItems") ? schema.at("prefixItems").size() : 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string here = at + "/" + std::to_string(i);
      if (i < prefix)
        validate(schema.at("prefixItems")[i], value[i], here, out);
      else if (schema.contains("items"))
        validate(schema.at("items"), value[i], here, out);
    }
  }

  void object(const Json& schema, const Json& value, const std::string& at, Problems& out) const {
    counted(schema, "minProperties", "maxProperties", value.size(), at, out);
    if (schema.contains("required")) {
      for (const Json& key : schema.at("required")) {
        if (!value.contains(key.get<std::string>())) out.push_back(at + ": lacks " + key.dump());
      }
    }
    for (const auto& [key, sub] : value.items()) member(schema, key, sub, at, out);
  }

  void member(const Json& schema, const std::string& key, const Json& value, const std::string& at,
              Problems& out) const {
    const std::string here = at + "/" + escaped(key);
    if (schema.contains("propertyNames")) validate(schema.at("propertyNames"), Json(key), here, out);
    bool named = false;
    if (schema.contains("properties") && schema.at("properties").contains(key)) {
      named = true;
      validate(schema.at("properties").at(key), value, here, out);
    }
    if (schema.contains("patternProperties")) {
      for (const auto& [pattern, sub] : schema.at("patternProperties").items()) {
        if (!std::regex_search(key, regex_of(pattern))) continue;
        named = true;
        validate(sub, value, here, out);
      }
    }
    if (!named && schema.contains("additionalProperties"))
      validate(schema.at("additionalProperties"), value, here, out);
  }

  Json root_;
};

}  // namespace json_schema
