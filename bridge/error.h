// SetupError: something is wrong before weir runs (configuration, files, ports). Thrown only before start,
// caught only in main (or a plugin's init); what() is what the operator reads: where, the value seen, what is
// allowed, what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace bridge {

class SetupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace bridge
