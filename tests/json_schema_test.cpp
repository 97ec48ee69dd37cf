// The validator that the schema tests rely on must itself be able to say no.
#include "tests/json_schema.h"

#include <doctest/doctest.h>

using json_schema::Json;
using json_schema::Schema;

TEST_CASE("each keyword accepts and refuses") {
  const auto check = [](const char* schema, const char* good, const char* bad) {
    CAPTURE(schema);
    const Schema made(Json::parse(schema));
    CHECK(made.problems(Json::parse(good)) == std::vector<std::string>{});
    CHECK_FALSE(made.accepts(Json::parse(bad)));
  };
  check(R"({"type":"integer"})", "1.0", "1.5");
  check(R"({"type":"number"})", "1.5", R"("1.5")");
  check(R"({"type":["string","null"]})", "null", "1");
  check(R"({"type":"boolean"})", "true", "1");
  check(R"({"enum":["a",1]})", "1", R"("b")");
  check(R"({"const":"a"})", R"("a")", R"("b")");
  check(R"({"minimum":1})", "1", "0.9");
  check(R"({"maximum":1})", "1", "1.1");
  check(R"({"exclusiveMinimum":1})", "1.1", "1");
  check(R"({"exclusiveMaximum":1})", "0.9", "1");
  check(R"({"pattern":"^[0-9]+s$"})", R"("10s")", R"("10")");
  check(R"({"minLength":2,"maxLength":3})", R"("äöü")", R"("äöüx")");
  check(R"({"minItems":1})", "[1]", "[]");
  check(R"({"maxItems":1})", "[1]", "[1,2]");
  check(R"({"uniqueItems":true})", "[1,2]", "[1,2,1]");
  check(R"({"items":{"type":"string"}})", R"(["a"])", R"(["a",1])");
  check(R"({"prefixItems":[{"type":"string"}],"items":{"type":"number"}})", R"(["a",1])", R"(["a","b"])");
  check(R"({"required":["a"]})", R"({"a":1})", R"({"b":1})");
  check(R"({"properties":{"a":{"type":"number"}}})", R"({"a":1,"b":"x"})", R"({"a":"x"})");
  check(R"({"properties":{"a":true},"additionalProperties":false})", R"({"a":1})", R"({"b":1})");
  check(R"({"patternProperties":{"^x":{"type":"number"}},"additionalProperties":false})", R"({"x1":1})",
        R"({"x1":"1"})");
  check(R"({"propertyNames":{"pattern":"^[a-z]+$"}})", R"({"a":1})", R"({"A":1})");
  check(R"({"minProperties":1})", R"({"a":1})", "{}");
  check(R"({"oneOf":[{"type":"number"},{"const":1}]})", "2", "1");
  check(R"({"anyOf":[{"type":"number"},{"const":"a"}]})", R"("a")", R"("b")");
  check(R"({"allOf":[{"minimum":1},{"maximum":2}]})", "2", "3");
  check(R"({"not":{"const":1}})", "2", "1");
  check(R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"number"}}})", "1", R"("1")");
  check(R"({"$defs":{"tree":{"items":{"$ref":"#/$defs/tree"},"type":"array"}},"$ref":"#/$defs/tree"})",
        "[[],[[]]]", "[[1]]");
}

TEST_CASE("problems name the place") {
  const Schema schema(Json::parse(R"({"properties":{"a/b":{"items":{"type":"number"}}}})"));
  CHECK(schema.problems(Json::parse(R"({"a/b":[1,"x"]})")) ==
        std::vector<std::string>{R"(/a~1b/1: is not of type "number")"});
}

TEST_CASE("a schema that cannot be checked is refused") {
  const auto check = [](const char* schema, const char* message) {
    CAPTURE(schema);
    CHECK_THROWS_WITH(Schema(Json::parse(schema)), message);
  };
  check(R"({"dependentSchemas":{}})",
        "schema #/dependentSchemas: this keyword is not known to the validator");
  check(R"({"properties":{"a":{"minimun":1}}})",
        "schema #/properties/a/minimun: this keyword is not known to the validator");
  check(R"({"$ref":"#/$defs/none"})", "$ref #/$defs/none: leads nowhere");
  check(R"({"pattern":"("})", "pattern (: not a regular expression");
}
