// Why a command ends without its effect. Thrown by verbs and what they call, caught once in run():
// a command line has nothing to do with an error but to tell it (docs/decisions/cli-failures.md).
#pragma once

#include <string>

namespace gantry::cli {

inline constexpr int kFailed = 1;
inline constexpr int kUnreadable = 2;   // the command line cannot be read
inline constexpr int kNotYet = 3;       // a verb that is known, but not there yet
inline constexpr int kHeld = 4;         // a deployment waits for somebody, or for something
inline constexpr int kCancelled = 130;  // a prompt was left

struct Failure {
  std::string message;  // what is wrong
  std::string code;     // snake_case: what a program tests
  std::string hint;     // the next step; empty when there is none
  int exit_code = kFailed;
};

}  // namespace gantry::cli
