// A whole installation for a test: the real gantryd with its database, its proxy, its containers on
// the test engine, in a directory, on ports and in a network range of its own. Everything is gone
// when this goes, however the test ended.
#pragma once

#include <csignal>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include "tests/support/http_client.hpp"

namespace gantry::testing {

using Json = nlohmann::json;

struct GantrySettings {
  std::string engine_socket = {};  // empty: the test engine
  std::string database_url = {};   // empty: the own PostgreSQL
  int resync_seconds = 5;
};

struct SeenContainer {
  std::string id, name, started_at, replica, instance;
  bool running = false;
  bool operator==(const SeenContainer&) const = default;
};

struct ApiReply {
  int status = 0;
  HttpReply http;
  Json json = {};  // null when the body is not JSON
};

class Gantry {
 public:
  explicit Gantry(GantrySettings settings = {});  // not started yet
  ~Gantry();
  Gantry(const Gantry&) = delete;
  Gantry& operator=(const Gantry&) = delete;

  // ---- the process ----
  void start();                    // throws with the end of the log when it is not ready in time
  void launch();                   // without waiting
  void kill();                     // SIGKILL
  int stop(int signal = SIGTERM);  // its exit code
  std::optional<int> exit_code(int seconds);  // waits for it to end by itself
  pid_t pid() const { return pid_; }
  std::string log() const;                     // all it has written
  void write_config(const std::string& text);  // instead of the made one
  std::string made_config() const;
  pid_t postgres() const;
  pid_t proxy_master() const;
  pid_t proxy_worker() const;

  // ---- the API; `path` of a service is what create() gave ----
  ApiReply api(const std::string& method, const std::string& path, const Json& body = nullptr,
               const std::string& headers = "");
  ApiReply raw(const HttpCall& call);  // the token is added
  Json get(const std::string& path) { return api("GET", path).json; }
  // Project "shop" unless told otherwise; 3 replicas and so on come in `deploy`.
  std::string create(const std::string& service, const Json& deploy = Json::object(),
                     const std::string& image = "gantry-test/web:1",
                     const std::string& project = "shop");
  std::string deploy(const std::string& path, const Json& body = Json::object());  // its id
  std::string settled(const std::string& deployment, int seconds = 60);  // status "reason"
  // SUCCESS, so many replicas ready, so many containers and not one more.
  bool converged(const std::string& path, int replicas, int seconds = 40);
  std::string state_of(const std::string& path);  // for messages
  HttpReply edge(const std::string& path, const std::string& url = "/");
  std::string host(const std::string& path);
  std::string token_header() const;

  // ---- the engine ----
  std::vector<SeenContainer> containers(const std::string& path = "");  // of one service, or all
  HttpReply engine(const std::string& method, const std::string& target,
                   const std::string& body = "");

  std::string directory;
  int api_port, edge_port;
  GantrySettings settings;

 private:
  void remove_containers();
  void forget_process(int status);
  std::string installation() const;
  std::string token_;
  pid_t pid_ = 0;
  std::optional<int> exit_code_;
};

// Variables as the container's process has them.
std::map<std::string, std::string> parse_environ(const std::string& text);

bool within(double seconds, const std::function<bool()>& condition);

}  // namespace gantry::testing
