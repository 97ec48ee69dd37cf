// Who may include what, read from the include lines of core/ and bridge/:
// core/ includes core/, the standard library, in queue.cpp the queue's header, and in arena.cpp and
// doorbell.cpp the system; <thread> in engine.* only. bridge/ includes core/, bridge/, the standard library,
// the system, and at most one library of others in a .cpp, none in a header. And whether the tests are there
// that tests/README.md names.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

struct Include {
  bool quoted;
  std::string name;
};

std::vector<Include> includes(const std::string& text) {
  static const std::regex line(R"re(^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"])re", std::regex::multiline);
  std::vector<Include> found;
  for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at) {
    found.push_back({(*at)[1] == "\"", (*at)[2]});
  }
  return found;
}

bool is_standard(const std::string& name) {
  static const std::set<std::string> names{"algorithm",
                                           "any",
                                           "array",
                                           "atomic",
                                           "barrier",
                                           "bit",
                                           "bitset",
                                           "cctype",
                                           "cerrno",
                                           "cfenv",
                                           "cfloat",
                                           "charconv",
                                           "chrono",
                                           "cinttypes",
                                           "climits",
                                           "clocale",
                                           "cmath",
                                           "codecvt",
                                           "compare",
                                           "complex",
                                           "concepts",
                                           "condition_variable",
                                           "coroutine",
                                           "csetjmp",
                                           "csignal",
                                           "cstdarg",
                                           "cstddef",
                                           "cstdint",
                                           "cstdio",
                                           "cstdlib",
                                           "cstring",
                                           "ctime",
                                           "cuchar",
                                           "cwchar",
                                           "cwctype",
                                           "deque",
                                           "exception",
                                           "execution",
                                           "filesystem",
                                           "forward_list",
                                           "fstream",
                                           "functional",
                                           "future",
                                           "initializer_list",
                                           "iomanip",
                                           "ios",
                                           "iosfwd",
                                           "iostream",
                                           "istream",
                                           "iterator",
                                           "latch",
                                           "limits",
                                           "list",
                                           "locale",
                                           "map",
                                           "memory",
                                           "memory_resource",
                                           "mutex",
                                           "new",
                                           "numbers",
                                           "numeric",
                                           "optional",
                                           "ostream",
                                           "queue",
                                           "random",
                                           "ranges",
                                           "ratio",
                                           "regex",
                                           "scoped_allocator",
                                           "semaphore",
                                           "set",
                                           "shared_mutex",
                                           "source_location",
                                           "span",
                                           "sstream",
                                           "stack",
                                           "stdexcept",
                                           "stop_token",
                                           "streambuf",
                                           "string",
                                           "string_view",
                                           "syncstream",
                                           "system_error",
                                           "thread",
                                           "tuple",
                                           "type_traits",
                                           "typeindex",
                                           "typeinfo",
                                           "unordered_map",
                                           "unordered_set",
                                           "utility",
                                           "valarray",
                                           "variant",
                                           "vector",
                                           "version"};
  return names.contains(name);
}

bool is_system(const std::string& name) {
  static const std::set<std::string> names{"dirent.h",  "errno.h",  "fcntl.h",  "netdb.h", "poll.h",
                                           "pthread.h", "sched.h",  "signal.h", "spawn.h", "stdio.h",
                                           "stdlib.h",  "string.h", "time.h",   "unistd.h"};
  static const Strings folders{"arpa/", "linux/", "net/", "netinet/", "sys/"};
  return names.contains(name) || std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
           return name.starts_with(folder);
         });
}

// The library a header of others belongs to. One that is not named here is a library of its own.
std::string library(const std::string& name) {
  if (name.starts_with("mqtt/") || name.starts_with("MQTT")) return "paho";
  if (name.starts_with("fmt/")) return "spdlog";
  if (name.starts_with("mosquitto")) return "mosquitto";
  return name.substr(0, name.find_first_of("/."));
}

// `path` below the source tree, with its folder: "core/queue.cpp".
Strings violations(const std::string& path, const std::string& text) {
  const bool core = path.starts_with("core/");
  const bool header = path.ends_with(".h");
  Strings found;
  std::set<std::string> libraries;
  for (const Include& include : includes(text)) {
    const std::string& name = include.name;
    const auto forbid = [&](const std::string& why) {
      found.push_back(path + " includes " + name + ": " + why);
    };
    if (include.quoted) {
      if (!name.starts_with("core/") && (core || !name.starts_with("bridge/")))
        forbid("not a room it may know");
    } else if (is_standard(name)) {
      if (core && name == "thread" && !path.starts_with("core/engine."))
        forbid("threads are made in engine.* only");
    } else if (is_system(name)) {
      const bool may = path == "core/arena.cpp" ? name == "sys/mman.h" : path == "core/doorbell.cpp";
      if (core && !may)
        forbid(
            "core/ uses the standard library only, large pages in arena.cpp, and how one waits in "
            "doorbell.cpp");
    } else if (core) {
      const bool queue = path == "core/queue.cpp" && library(name) == "concurrentqueue";
      const bool vectors = path.starts_with("core/kernel") && path.ends_with(".cpp") && name == "immintrin.h";
      if (!queue && !vectors) forbid("core/ uses no library but its queue, and vectors in kernel*.cpp");
    } else if (header) {
      forbid("headers keep libraries of others out of sight");
    } else {
      libraries.insert(library(name));
    }
  }
  if (libraries.size() > 1) found.push_back(path + " includes more than one library of others");
  return found;
}

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("the rules find what breaks them") {
  const auto check = [](const std::string& path, const std::string& text, std::size_t expected) {
    CAPTURE(path);
    CAPTURE(text);
    CHECK(violations(path, text).size() == expected);
  };
  check("core/window.cpp", "#include \"core/window.h\"\n\n#include <cmath>\n#include <vector>\n", 0);
  check("core/window.cpp", "#include \"bridge/config.h\"\n", 1);
  check("core/window.cpp", "#include <thread>\n", 1);
  check("core/engine.cpp", "#include <thread>\n", 0);
  check("core/engine.h", "#include <thread>\n", 0);
  check("core/detectors/zscore.cpp", "#include <thread>\n", 1);
  check("core/arena.cpp", "#include <sys/mman.h>\n", 0);
  check("core/arena.cpp", "#include <unistd.h>\n", 1);
  check("core/doorbell.cpp", "#include <unistd.h>\n", 0);
  check("core/doorbell.h", "#include <unistd.h>\n", 1);
  check("core/shard.cpp", "#include <sys/mman.h>\n#include <immintrin.h>\n", 2);
  check("core/kernel.cpp", "#include <immintrin.h>\n", 0);
  check("core/engine.cpp", "#include <concurrentqueue/concurrentqueue.h>\n", 1);
  check("core/queue.cpp", "#include <concurrentqueue/concurrentqueue.h>\n", 0);
  check("core/queue.cpp", "#include <concurrentqueue/blockingconcurrentqueue.h>\n", 0);
  check("core/queue.h", "#include <concurrentqueue/concurrentqueue.h>\n", 1);
  check("core/time.h", "  #  include\t<time.h>\n", 1);
  check("core/time.h", "#include <unistd.h>\n#include <nlohmann/json.hpp>\n#include \"time.h\"\n", 3);
  check("core/time.h", "// #include <unistd.h>\nint x;  // see #include <thread>\n", 0);
  check("bridge/config.h",
        "#include \"core/time.h\"\n#include \"bridge/error.h\"\n#include <thread>\n#include <unistd.h>\n", 0);
  check("bridge/config.h", "#include <nlohmann/json_fwd.hpp>\n", 1);
  check("bridge/config.h", "#include \"nlohmann/json.hpp\"\n", 1);
  check("bridge/config.h", "#include \"tests/helper.h\"\n", 1);
  check("bridge/config.cpp",
        "#include <nlohmann/json.hpp>\n#include <nlohmann/json_fwd.hpp>\n#include <sys/stat.h>\n", 0);
  check("bridge/config.cpp", "#include <nlohmann/json.hpp>\n#include <simdjson.h>\n", 1);
  check("bridge/config.cpp", "#include <never_heard_of.h>\n#include <simdjson.h>\n", 1);
  check("bridge/mqtt_client.cpp", "#include <mqtt/async_client.h>\n#include <MQTTAsync.h>\n", 0);
  check("bridge/mqtt_client.cpp", "#include <mqtt/async_client.h>\n#include <openssl/ssl.h>\n", 1);
  check("bridge/plugin.cpp", "#include <mosquitto_broker.h>\n#include <mosquitto_plugin.h>\n", 0);
  check("bridge/plugin_guest.h", "#include <mosquitto_broker.h>\n", 1);
}

TEST_CASE("core/ and bridge/ keep to the rules, and include files that exist") {
  const fs::path root(WEIR_SOURCE_DIR);
  for (const std::string room : {"core", "bridge"}) {
    std::size_t files = 0;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / room)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp") continue;
      ++files;
      const std::string text = read(entry.path());
      const std::string path = fs::relative(entry.path(), root).generic_string();
      for (const std::string& violation : violations(path, text)) FAIL_CHECK(violation);
      for (const Include& include : includes(text)) {
        if (include.quoted && !fs::exists(root / include.name))
          FAIL_CHECK((path + " includes " + include.name + ", which is not there"));
      }
    }
    CAPTURE(room);
    CHECK(files > 20);
  }
}

TEST_CASE("every test that the README names is there") {
  const fs::path tests = fs::path(WEIR_SOURCE_DIR) / "tests";
  const std::string readme = read(tests / "README.md");
  const std::size_t table = readme.find("## What such programs get wrong");
  REQUIRE(table != std::string::npos);
  const std::regex named("`([a-z_]+_test)`: ([^|]+?)(?= · | [|])");
  const std::regex broken(R"re("\s*\n\s*")re");  // a name in two pieces
  std::size_t found = 0;
  for (std::sregex_iterator at(readme.begin() + static_cast<std::ptrdiff_t>(table), readme.end(), named), end;
       at != end; ++at, ++found) {
    const std::string file = (*at)[1].str() + ".cpp", name = '"' + (*at)[2].str() + '"';
    CAPTURE(file);
    CAPTURE(name);
    CHECK((std::regex_replace(read(tests / file), broken, "").find(name) != std::string::npos));
  }
  // As many as there are names of test programs in the table: none was overlooked.
  std::size_t programs = 0;
  for (std::size_t at = table; (at = readme.find("_test`: ", at)) != std::string::npos; ++at) ++programs;
  CHECK(found == programs);
  CHECK(found > 40);
}
