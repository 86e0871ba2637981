// gantryd [--config FILE] [--check-config] [--version]
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "daemon/config.hpp"
#include "daemon/daemon.hpp"
#include "daemon/log.hpp"

namespace {

constexpr const char* kUsage =
    "gantryd: Gantry's control plane\n\n"
    "  gantryd [--config FILE]        run; without a file on embedded defaults\n"
    "  gantryd --check-config [--config FILE]\n"
    "                                 read the configuration, say what is wrong, exit 0 or 1\n"
    "  gantryd --version\n";

struct Arguments {
  std::string config;
  bool check = false;
};

// 0: go on; else the exit code + 1.
int read_arguments(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--config" && i + 1 < argc) {
      out.config = argv[++i];
    } else if (word.rfind("--config=", 0) == 0) {
      out.config = word.substr(9);
    } else if (word == "--check-config") {
      out.check = true;
    } else if (word == "--version") {
      fmt::print("gantryd {}\n", GANTRY_VERSION);
      return 1;
    } else if (word == "--help" || word == "-h") {
      fmt::print("{}", kUsage);
      return 1;
    } else {
      fmt::print(stderr, "gantryd: cannot read the argument \"{}\"\n\n{}", word, kUsage);
      return 3;
    }
  }
  return 0;
}

void complain(const gantry::Error& error) { fmt::print(stderr, "gantryd: {}\n", error.detail); }

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (const int done = read_arguments(argc, argv, arguments); done != 0) return done - 1;
  gantry::Config config;
  config.key_file = config.data_dir + "/key";
  if (!arguments.config.empty()) {
    auto loaded = gantry::load_config(arguments.config);
    if (!loaded) {
      complain(loaded.error());
      return 1;
    }
    config = *loaded;
  }
  if (arguments.check) {
    fmt::print("{}: the configuration is valid\n",
               arguments.config.empty() ? "defaults" : arguments.config);
    return 0;
  }

  // Signals are taken by this thread alone; the threads of every part inherit the mask.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  gantry::log::configure(config.log_level, config.log_format);
  auto daemon = gantry::make_daemon(config);
  if (auto started = daemon->start(); !started) {
    gantry::log::error("daemon did not start detail=\"" + started.error().detail + "\"");
    return 1;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  gantry::log::info(fmt::format("daemon stopping signal={}", signal));
  daemon->stop();
  gantry::log::info("daemon stopped");
  return 0;
}
