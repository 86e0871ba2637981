#include "cli/git_files.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <sys/stat.h>

#include "cli/failure.hpp"
#include "cli/session.hpp"

namespace gantry::cli {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  return text;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// A value as git-config(1) writes it: quotes and escapes go, a comment ends it.
std::string value_of(const std::string& text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      out += text[++i];
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (text[i] == '#' || text[i] == ';')) {
      break;
    } else {
      out += text[i];
    }
  }
  return trimmed(out);
}

std::string home() {
  const char* const value = environ_value("HOME");
  return value == nullptr ? "" : value;
}

std::string user_folder() {
  const char* const xdg = environ_value("XDG_CONFIG_HOME");
  return xdg != nullptr && *xdg != '\0' ? std::string(xdg) + "/git" : home() + "/.config/git";
}

std::string resolved(const std::string& path, const std::string& base) {
  return path.rfind('/', 0) == 0 ? path : base + "/" + path;
}

}  // namespace

std::optional<std::string> read_rules(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw Failure{"cannot read " + path + ": " + std::strerror(errno), "unreadable_file",
                  "it says what is left out: make it readable"};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

bool is_work_tree(const std::string& directory) {
  struct stat info {};
  return ::lstat((directory + "/.git").c_str(), &info) == 0;
}

std::string exclude_file(const std::string& work_tree) {
  std::string folder = work_tree + "/.git";
  struct stat info {};
  if (::stat(folder.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    const std::string text = trimmed(text_of(folder));
    constexpr std::string_view key = "gitdir:";
    if (text.rfind(key, 0) == 0) folder = resolved(trimmed(text.substr(key.size())), work_tree);
    if (const std::string common = trimmed(text_of(folder + "/commondir")); !common.empty())
      folder = resolved(common, folder);
  }
  return folder + "/info/exclude";
}

std::optional<std::string> excludes_setting(const std::string& config) {
  std::optional<std::string> found;
  bool in_core = false;
  for (std::size_t at = 0; at < config.size();) {
    const auto end = std::min(config.find('\n', at), config.size());
    const std::string line = trimmed(config.substr(at, end - at));
    at = end + 1;
    if (line.rfind('[', 0) == 0)
      in_core = lower(trimmed(line.substr(1, line.find(']') - 1))) == "core";
    const auto equals = line.find('=');
    if (!in_core || equals == std::string::npos) continue;
    const auto bracket = line.rfind('[', 0) == 0 ? line.find(']') + 1 : 0;
    if (lower(trimmed(line.substr(bracket, equals - bracket))) == "excludesfile")
      found = value_of(line.substr(equals + 1));
  }
  return found;
}

std::string global_excludes_file() {
  for (const std::string& file :
       {home() + "/.gitconfig", user_folder() + "/config", std::string("/etc/gitconfig")}) {
    const auto path = excludes_setting(text_of(file));
    if (!path) continue;
    return path->rfind("~/", 0) == 0 ? home() + path->substr(1) : *path;
  }
  return user_folder() + "/ignore";
}

}  // namespace gantry::cli
