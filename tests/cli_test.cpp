// The program as its user meets it: exit codes, and messages that say where, what was seen, what is allowed,
// what to do.
#include <doctest/doctest.h>
#include <unistd.h>

#include "bridge/loopback.h"
#include "tests/run_program.h"

using test::Ran;
using test::run_weir;

namespace {

void check_says(const Ran& ran, const std::vector<std::string>& parts) {
  CAPTURE(ran.err);
  CHECK(ran.code == 2);
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK((ran.err.find(part) != std::string::npos));
  }
}

Ran check_config(const std::string& text) {
  const test::TempFolder folder;
  return run_weir({"check", folder.write("weir.json", text)});
}

}  // namespace

TEST_CASE("every command has help with an example") {
  for (const char* name : {"run", "check", "replay", "diff", "record", "simulate", "bench"}) {
    CAPTURE(name);
    const Ran ran = run_weir({name, "--help"});
    CHECK(ran.code == 0);
    CHECK((ran.out.find("Example:\n  weir " + std::string{name}) != std::string::npos));
  }
  CHECK(run_weir({"--version"}).out.rfind("weir 0.", 0) == 0);
}

TEST_CASE("wrong usage is exit code 2") {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"fly"},
                                                    {"run"},
                                                    {"run", "--from"},
                                                    {"replay"},
                                                    {"replay", "only-a-config.json"},
                                                    {"diff", "a.json", "b.json"},
                                                    {"bench", "--level", "Z"},
                                                    {"run", "/no/such/file.json"},
                                                    {"simulate"}}) {
    CHECK(run_weir(arguments).code == 2);
  }
}

TEST_CASE("configuration errors: all at once, with place, value, what is allowed and what to do") {
  check_says(check_config(R"({"streams":[{"from":"a/{d}","lateness":5,"windws":[]}],"brokr":{}})"),
             {"/streams/0/lateness", "5", "/streams/0/windws", "windows", "/brokr", "broker"});
  check_says(check_config(R"({"streams":[{"from":"a/{d}","windows":[{"length":"10s","every":"3s"}]}]})"),
             {"/streams/0/windows/0", "3s", "10s"});
}

TEST_CASE("a template that its own subscription would read again is refused") {
  check_says(check_config(
                 R"({"streams":[{"from":"plant/#","windows":[{"length":"1m","to":"plant/{field}/avg"}]}]})"),
             {"/streams/0/windows/0/to", "plant/{field}/avg", "plant/#"});
}

TEST_CASE("overlapping subscriptions are refused") {
  check_says(check_config(R"({"streams":[{"name":"x","from":"a/+/c"},{"name":"y","from":"a/b/#"}]})"),
             {"/streams/1/from", "a/+/c", "a/b/#"});
}

TEST_CASE("missing certificate and password files are named before anything starts") {
  const test::TempFolder folder;
  const std::string config =
      folder.write("weir.json", R"({"broker":{"url":"mqtts://localhost","tls":{"ca":"/no/such/ca.pem"},
    "username":"u","password_file":"/no/such/secret"},"streams":[{"from":"a/{d}"}]})");
  check_says(run_weir({"run", config}), {"/no/such/ca.pem", "/no/such/secret"});
}

TEST_CASE("a port in use is named, with what to do") {
  int port = 0;
  const int socket = bridge::listen_loopback(1, port);
  REQUIRE(socket >= 0);
  const std::string listen = "127.0.0.1:" + std::to_string(port);
  const test::TempFolder folder;
  const std::string config =
      folder.write("weir.json", R"({"broker":{"url":"mqtt://127.0.0.1:1"},"http":{"listen":")" + listen +
                                    R"("},"streams":[{"from":"a/{d}"}]})");
  check_says(run_weir({"run", config}), {listen, "another program uses that port", "http.listen"});
  ::close(socket);
}

TEST_CASE("the smallest configuration is valid and check explains it") {
  const Ran ran = check_config(R"({"streams":[{"from":"sensors/{device}/#"}]})");
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  for (const std::string part : {"sensors/+/#", "derived/sensors/{device}/{field}/1m", "memory"}) {
    CAPTURE(part);
    CHECK((ran.out.find(part) != std::string::npos));
  }
}

TEST_CASE("a secret never shows") {
  const test::TempFolder folder;
  const std::string secret = folder.write("secret", "hunter2-hunter2\n");
  const std::string config = folder.write("weir.json", R"({"broker":{"username":"u","password_file":")" +
                                                           secret + R"("},"streams":[{"from":"a/{d}"}]})");
  const Ran ran = run_weir({"check", config});
  CHECK(ran.code == 0);
  CHECK((ran.out + ran.err).find("hunter2") == std::string::npos);
}

TEST_CASE("a simulated fleet is spread over as many sites as asked for") {
  const Ran ran = run_weir({"simulate", "--out", "-", "--devices", "6", "--sites", "3", "--rate", "1",
                            "--duration", "10s", "--topic", "in/{site}/{device}"});
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  for (const std::string topic : {"in/s1/d1", "in/s2/d2", "in/s3/d3", "in/s1/d4", "in/s2/d5", "in/s3/d6"}) {
    CAPTURE(topic);
    CHECK((ran.out.find('"' + topic + '"') != std::string::npos));
  }
}

TEST_CASE("replay of a small CSV from the command line") {
  const test::TempFolder folder;
  const std::string csv = folder.write(
      "data.csv",
      "time,machine,kW\n2026-01-01T00:00:00Z,m1,1\n2026-01-01T00:00:30Z,m1,2\n2026-01-01T00:01:30Z,m1,9\n");
  const Ran ran = run_weir({"replay", "--from", "line/{machine}", "--csv-topic", "line/{machine}", csv});
  CAPTURE(ran.err);
  CHECK(ran.code == 0);
  CHECK((ran.out.find("\"count\":2,\"mean\":1.5,\"min\":1,\"max\":2") != std::string::npos));
}

TEST_CASE("replay writes scores and charts: one of them at most to standard output, and over no file") {
  const test::TempFolder folder;
  const std::string csv = folder.write("data.csv", "time,machine,kW\n2026-01-01T00:00:00Z,m1,1\n");
  const auto replay = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"replay",      "--from",         "line/{machine}",
                                       "--csv-topic", "line/{machine}", csv};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_weir(arguments);
  };
  const Ran scores = replay({"--scores", "-"});
  CAPTURE(scores.err);
  CHECK(scores.code == 0);
  CHECK(scores.out ==
        "{\"time\":\"2026-01-01T00:00:00Z\",\"stream\":\"line\",\"machine\":\"m1\",\"field\":\"kW\","
        "\"detector\":\"odd\",\"value\":1,\"score\":0,\"state\":\"warming\",\"up\":false}\n");
  CHECK((scores.err.find(" results") != std::string::npos));

  const std::string page = folder.file("page.html");
  const Ran plot = replay({"--plot", page, "--scores", folder.file("scores.csv")});
  CHECK(plot.code == 0);
  CHECK(plot.out == "");
  CHECK((folder.read("page.html").find("<svg ") != std::string::npos));
  CHECK((folder.read("scores.csv").find("m1,kW,odd,1,0,warming,false,,,") != std::string::npos));

  check_says(replay({"--plot", page}), {"--plot", page, "name a file that does not exist yet"});
  check_says(replay({"--scores", "-", "--out", "-"}), {"--out, --scores and --plot", "standard output"});
}
