// gantry: see docs/cli.md. Called by the name "railway" it is the same program.
#include <algorithm>
#include <csignal>

#include "cli/run.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);
  return gantry::cli::run(argc > 0 ? argv[0] : "gantry", {argv + std::min(argc, 1), argv + argc});
}
