// Runs the weir program as a user would: arguments in, exit code and both outputs back.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/temp_folder.h"

namespace test {

struct Ran {
  int code;  // exit code; -1: ended by a signal
  std::string out;
  std::string err;
};

inline std::string quoted(const std::string& text) {
  std::string all = "'";
  for (const char c : text) all += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return all + "'";
}

inline Ran run_weir(const std::vector<std::string>& arguments) {
  const TempFolder folder;
  std::string line = quoted(WEIR_PROGRAM);
  for (const std::string& argument : arguments) line += " " + quoted(argument);
  const int status =
      std::system((line + " >" + folder.file("out") + " 2>" + folder.file("err") + " </dev/null").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, folder.read("out"), folder.read("err")};
}

}  // namespace test
