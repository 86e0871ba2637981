// gantryd [--config FILE] [--check-config] [--version], and the control plane's own backup
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "daemon/config.hpp"
#include "daemon/control_backup.hpp"
#include "daemon/daemon.hpp"
#include "daemon/log.hpp"

namespace {

constexpr const char* kUsage =
    "gantryd: Gantry's control plane\n\n"
    "  gantryd [--config FILE]        run; without a file on embedded defaults\n"
    "  gantryd --check-config [--config FILE]\n"
    "                                 read the configuration, say what is wrong, exit 0 or 1\n"
    "  gantryd --backup FILE | --restore FILE [--passphrase-file FILE] [--config FILE]\n"
    "                                 the control plane's own backup, and the way back\n"
    "  gantryd --confirm-restore      what the restored database does not know may go\n"
    "  gantryd --version\n";

struct Arguments {
  std::string config;
  bool check = false;
  std::string backup, restore;  // files
  std::string passphrase_file;
  bool confirm = false;
};

// An option with a value behind it, or after "=".
bool take_value(const char* option, int argc, char** argv, int& i, std::string& out) {
  const std::string word = argv[i];
  const std::string joined = std::string(option) + "=";
  if (word == option && i + 1 < argc) {
    out = argv[++i];
    return true;
  }
  if (word.rfind(joined, 0) != 0) return false;
  out = word.substr(joined.size());
  return true;
}

// 0: go on; else the exit code + 1.
int read_arguments(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (take_value("--config", argc, argv, i, out.config) ||
        take_value("--backup", argc, argv, i, out.backup) ||
        take_value("--restore", argc, argv, i, out.restore) ||
        take_value("--passphrase-file", argc, argv, i, out.passphrase_file))
      continue;
    if (word == "--check-config") {
      out.check = true;
    } else if (word == "--confirm-restore") {
      out.confirm = true;
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

// The control plane's own backup: true when that was asked for, with its exit code.
bool do_admin(const Arguments& arguments, const gantry::Config& config, int& code) {
  const gantry::ControlBackupOptions options{.config_file = arguments.config,
                                             .passphrase_file = arguments.passphrase_file};
  gantry::Result<> result = gantry::done();
  if (!arguments.backup.empty())
    result = gantry::back_up_control_plane(config, arguments.backup, options);
  else if (!arguments.restore.empty())
    result = gantry::restore_control_plane(config, arguments.restore, options);
  else if (arguments.confirm)
    result = gantry::confirm_restore(config);
  else
    return false;
  if (!result) complain(result.error());
  if (result && !arguments.restore.empty())
    fmt::print(
        "restored; containers that the database does not know are left alone for a week, or "
        "until `gantry admin confirm-restore` and a restart of gantryd\n");
  code = result ? 0 : 1;
  return true;
}

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

  std::signal(SIGPIPE, SIG_IGN);
  if (int code = 0; do_admin(arguments, config, code)) return code;

  // Signals are taken by this thread alone; the threads of every part inherit the mask.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

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
