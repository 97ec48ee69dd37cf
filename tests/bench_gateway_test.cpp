// Level G at a rate any machine keeps, through a real Mosquitto: nothing is lost, and it says so.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "bridge/local_broker.h"
#include "tests/run_program.h"

namespace {

TEST_CASE("both subjects get every message, and weir's results account for them") {
  if (bridge::LocalBroker::program().empty()) {
    std::puts("skipped: there is no Mosquitto here");
    std::exit(77);
  }
  auto check = [](const std::string& fields, std::uint64_t samples_per_message, const char* client,
                  bool direct) {
    std::vector<std::string> arguments{"bench", "--level",  "G",    "--devices",  "50", "--rate",
                                       "1000",  "--client", client, "--duration", "1s", "--rounds",
                                       "1",     "--fields", fields, "--json"};
    if (direct) arguments.emplace_back("--direct");
    const test::Ran ran = test::run_weir(arguments);
    CAPTURE(ran.out);
    CAPTURE(ran.err);
    REQUIRE(ran.code == 0);
    const nlohmann::json report = nlohmann::json::parse(ran.out);
    CHECK(report["complete"] == true);
    REQUIRE(report["rounds"].size() == 2);
    CHECK(report["rounds"][0]["subject"] == "null");
    const nlohmann::json& weir = report["rounds"][1];
    CHECK(weir["subject"] == "weir");
    const std::uint64_t sent = weir["sent"];
    CHECK(sent > 0);
    CHECK(weir["received"] == sent);
    CHECK(weir["decoded"] == sent);
    CHECK(weir["aggregated"] == sent * samples_per_message);
    CHECK(weir["result_samples"] == sent * samples_per_message);
    CHECK(weir["broker_dropped"] == 0);
  };
  check("1", 1, "paho", false);
  check("4", 4, "paho", false);
  check("4", 4, "native", false);
  check("4", 4, "native", true);
}

}  // namespace
