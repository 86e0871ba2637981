// Gantry's own backup, on the server's host: gantryd does it, with the rights of who calls.
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <unistd.h>

#include "cli/session.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

// Beside this program, else where packages put it.
std::string find_gantryd() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  for (const std::string& path :
       {(self.parent_path() / "gantryd").string(), std::string("/usr/local/bin/gantryd"),
        std::string("/usr/bin/gantryd")})
    if (::access(path.c_str(), X_OK) == 0) return path;
  throw Failure{"there is no gantryd on this machine", "not_found",
                "run this on the server's host"};
}

int become(Session& session, const std::string& option, const std::string& file) {
  std::vector<std::string> words{find_gantryd(), option};
  if (!file.empty()) words.push_back(file);
  for (const char* passed : {"--config", "--passphrase-file"})
    if (const auto value = session.call().value(passed)) {
      words.emplace_back(passed);
      words.push_back(*value);
    }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  throw Failure{words[0] + ": " + std::strerror(errno), "not_started", ""};
}

std::string file_of(Session& session) {
  if (session.call().words.empty())
    throw Failure{"which file?", "usage", "`{program} admin backup FILE`", kUnreadable};
  return session.call().words.front();
}

int backup(Session& session) { return become(session, "--backup", file_of(session)); }
int restore(Session& session) { return become(session, "--restore", file_of(session)); }
int confirm(Session& session) { return become(session, "--confirm-restore", ""); }

}  // namespace

std::vector<Command> admin_commands() {
  const Option config{"--config", "FILE", "gantryd's configuration"};
  const Option words{"--passphrase-file", "FILE", "its first line seals the archive"};
  return {{.path = "admin backup",
           .summary = "on the server: Gantry's own database, key and configuration into FILE",
           .words = "FILE",
           .words_max = 1,
           .options = {config, words},
           .examples = {"admin backup /srv/gantry.backup --config /etc/gantry/gantry.yaml"},
           .run = backup},
          {.path = "admin restore",
           .summary = "on the server: the way back, into an empty data directory",
           .words = "FILE",
           .words_max = 1,
           .options = {config, words},
           .run = restore},
          {.path = "admin confirm-restore",
           .summary = "on the server: containers that the restored database does not know may go",
           .options = {config},
           .run = confirm}};
}

}  // namespace gantry::cli
