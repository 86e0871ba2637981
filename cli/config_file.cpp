#include "cli/config_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/failure.hpp"
#include "cli/json.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

std::string link_json(const Link& link) {
  std::string out;
  JsonObject(out)
      .text("url", link.url)
      .text("project_id", link.project_id)
      .text("project", link.project)
      .text("environment_id", link.environment_id)
      .text("environment", link.environment)
      .text("service_id", link.service_id)
      .text("service", link.service);
  return out;
}

Link read_link(const Json& json) {
  return {.url = json["url"].text(),
          .project_id = json["project_id"].text(),
          .project = json["project"].text(),
          .environment_id = json["environment_id"].text(),
          .environment = json["environment"].text(),
          .service_id = json["service_id"].text(),
          .service = json["service"].text()};
}

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (fd_ < 0)
      throw Failure{"cannot write " + path + ": " + std::strerror(errno), "config_file",
                    "set XDG_CONFIG_HOME to a directory that you may write"};
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

void replace_file(const std::string& path, const std::string& text) {
  const std::string beside = path + ".new";
  {
    const File file(beside, O_WRONLY | O_CREAT | O_TRUNC);
    const bool whole =
        ::write(file.fd(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (!whole || ::fchmod(file.fd(), 0600) != 0 || ::fsync(file.fd()) != 0)
      throw Failure{"cannot write " + beside + ": " + std::strerror(errno), "config_file", ""};
  }
  if (::rename(beside.c_str(), path.c_str()) != 0)
    throw Failure{"cannot rename " + beside + ": " + std::strerror(errno), "config_file", ""};
}

}  // namespace

std::string config_json(const ConfigFile& config) {
  std::vector<std::pair<std::string, std::string>> tokens;
  for (const auto& [url, token] : config.tokens) tokens.emplace_back(url, json_string(token));
  std::vector<std::pair<std::string, std::string>> links;
  for (const auto& [directory, link] : config.links) links.emplace_back(directory, link_json(link));
  std::string out;
  JsonObject(out)
      .text("url", config.url)
      .raw("tokens", json_map(tokens))
      .raw("links", json_map(links));
  return out + "\n";
}

ConfigFile parse_config_file(const std::string& text) {
  const auto json = Json::parse(text);
  if (!json || !json->is_object())
    throw Failure{"the file of links and tokens is not JSON", "config_file",
                  "correct or remove " + config_path()};
  ConfigFile config;
  config.url = (*json)["url"].text();
  for (const auto& [url, token] : (*json)["tokens"].members()) config.tokens[url] = token.text();
  for (const auto& [directory, link] : (*json)["links"].members())
    config.links[directory] = read_link(link);
  return config;
}

const std::pair<const std::string, Link>* find_link(const ConfigFile& config,
                                                    std::string directory) {
  for (;;) {
    const auto found = config.links.find(directory);
    if (found != config.links.end()) return &*found;
    if (directory.size() <= 1) return nullptr;
    directory.resize(std::max<std::size_t>(directory.rfind('/'), 1));
  }
}

std::string config_path() {
  const char* const base = std::getenv("XDG_CONFIG_HOME");
  const char* const home = std::getenv("HOME");
  if (base != nullptr && *base == '/') return std::string(base) + "/gantry/config.json";
  return std::string(home != nullptr && *home != '\0' ? home : "/root") +
         "/.config/gantry/config.json";
}

ConfigFile load_config_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return {};
  std::stringstream text;
  text << file.rdbuf();
  return text.str().empty() ? ConfigFile() : parse_config_file(text.str());
}

void change_config_file(const std::string& path, const std::function<void(ConfigFile&)>& change) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const File lock(path + ".lock", O_RDWR | O_CREAT);
  ::flock(lock.fd(), LOCK_EX);
  ConfigFile config = load_config_file(path);
  const ConfigFile before = config;
  change(config);
  if (config != before) replace_file(path, config_json(config));
}

}  // namespace gantry::cli
