#include "daemon/config.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "proto/quantity.hpp"

namespace gantry {
namespace {

constexpr int kYear = 365 * 86400;  // seconds

class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  using Take = std::function<void(const YAML::Node&, const std::string& key)>;
  using Keys = std::map<std::string, Take>;

  void map(const YAML::Node& node, const std::string& prefix, const Keys& keys) {
    if (!node || node.IsNull()) return;
    if (!node.IsMap())
      return complain(node, prefix.empty() ? "the file" : prefix, "expected keys and values");
    for (const auto& entry : node) {
      const std::string key = entry.first.Scalar();
      const std::string path = prefix.empty() ? key : prefix + "." + key;
      const auto known = keys.find(key);
      if (known == keys.end())
        complain(entry.first, path, "unknown key; known are " + list(keys));
      else
        known->second(entry.second, path);
    }
  }

  Take text(std::string& out, std::vector<std::string> allowed = {}) {
    return
        [this, &out, allowed = std::move(allowed)](const YAML::Node& node, const std::string& key) {
          if (!node.IsScalar()) return complain(node, key, "expected text");
          if (!allowed.empty() &&
              std::find(allowed.begin(), allowed.end(), node.Scalar()) == allowed.end())
            return complain(
                node, key,
                fmt::format("\"{}\" is not one of {}", node.Scalar(), fmt::join(allowed, ", ")));
          out = node.Scalar();
        };
  }

  Take number(int& out, int least, int most) {
    return [this, &out, least, most](const YAML::Node& node, const std::string& key) {
      int value = 0;
      if (!node.IsScalar() || !read(node.Scalar(), value) || value < least || value > most)
        return complain(node, key,
                        fmt::format("expected a whole number from {} to {}", least, most));
      out = value;
    };
  }

  // 2147483648, or 2Gi as in a container's limits; 0: no limit
  Take bytes(std::int64_t& out) {
    return [this, &out](const YAML::Node& node, const std::string& key) {
      const auto value = node.IsScalar() ? parse_units(node.Scalar()) : std::nullopt;
      if (!value) return complain(node, key, "expected bytes, such as 2147483648 or 2Gi");
      out = *value;
    };
  }

  Take flag(bool& out) {
    return [this, &out](const YAML::Node& node, const std::string& key) {
      const std::string text = node.IsScalar() ? node.Scalar() : "";
      if (text != "true" && text != "false") return complain(node, key, "expected true or false");
      out = text == "true";
    };
  }

  // "127.0.0.1:7070"
  Take endpoint(Endpoint& out) {
    return [this, &out](const YAML::Node& node, const std::string& key) {
      const std::string text = node.IsScalar() ? node.Scalar() : "";
      const auto colon = text.rfind(':');
      int port = 0;
      in_addr v4{};
      const bool fits = colon != std::string::npos && read(text.substr(colon + 1), port) &&
                        port > 0 && port < 65536 &&
                        inet_pton(AF_INET, text.substr(0, colon).c_str(), &v4) == 1;
      if (!fits)
        return complain(node, key, "expected an IPv4 address and a port, such as 127.0.0.1:7070");
      out = {text.substr(0, colon), port};
    };
  }

  // "20000-20999", one port, or none
  Take ports(int& first, int& last) {
    return [this, &first, &last](const YAML::Node& node, const std::string& key) {
      const std::string text = node.IsScalar() ? node.Scalar() : "";
      if (text == "none" || text == "0") {
        first = last = 0;
        return;
      }
      const auto dash = text.find('-');
      const std::string from = text.substr(0, dash);
      int low = 0, high = 0;
      if (!read(from, low) ||
          !read(dash == std::string::npos ? from : text.substr(dash + 1), high) || low < 1 ||
          high > 65535 || low > high)
        return complain(node, key, "expected a range of ports, such as 20000-20999, or none");
      first = low;
      last = high;
    };
  }

  Take network(std::string& out) {
    return [this, &out](const YAML::Node& node, const std::string& key) {
      const std::string text = node.IsScalar() ? node.Scalar() : "";
      if (auto range = parse_network_range(text); !range)
        return complain(node, key, range.error().detail);
      out = text;
    };
  }

  Take path(std::string& out) {
    return [this, &out](const YAML::Node& node, const std::string& key) {
      if (!node.IsScalar() || node.Scalar().empty() || node.Scalar().front() != '/')
        return complain(node, key, "expected an absolute path");
      out = node.Scalar();
    };
  }

  Take section(Keys keys) {
    return [this, keys = std::move(keys)](const YAML::Node& node, const std::string& key) {
      map(node, key, keys);
    };
  }

  void complain(const YAML::Node& node, const std::string& key, const std::string& what) {
    const int line = node.Mark().line + 1;
    const std::string detail = fmt::format("{}:{}: {}: {}", name_, std::max(line, 1), key, what);
    errors_.push_back({"/" + key, "invalid_config", detail});
  }

  std::vector<FieldError>& errors() { return errors_; }

 private:
  static bool read(const std::string& text, int& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size();
  }
  static std::string list(const Keys& keys) {
    std::string out;
    for (const auto& [key, take] : keys) out += (out.empty() ? "" : ", ") + key;
    return out;
  }

  std::string name_;
  std::vector<FieldError> errors_;
};

void read_into(Reader& in, const YAML::Node& root, Config& to) {
  in.map(
      root, "",
      {{"data_dir", in.path(to.data_dir)},
       {"listen", in.endpoint(to.listen)},
       {"base_domain", in.text(to.base_domain)},
       {"io_threads", in.number(to.io_threads, 1, 64)},
       {"workers", in.number(to.workers, 1, 64)},
       {"max_connections", in.number(to.max_connections, 8, 100000)},
       {"key_file", in.path(to.key_file)},
       {"templates_dir", in.path(to.templates_dir)},
       {"network_range", in.network(to.network_range)},
       {"log",
        in.section({{"level", in.text(to.log_level, {"trace", "debug", "info", "warn", "error"})},
                    {"format", in.text(to.log_format, {"text", "json"})}})},
       {"database",
        in.section({{"url", in.text(to.database.url)}, {"user", in.text(to.database.user)}})},
       {"engine", in.section({{"socket", in.path(to.engine_socket)}})},
       {"edge", in.section({{"listen", in.endpoint(to.edge.listen)},
                            {"haproxy", in.path(to.edge.haproxy)},
                            {"user", in.text(to.edge.user)},
                            {"tcp_ports", in.ports(to.edge.first_tcp_port, to.edge.last_tcp_port)},
                            {"max_connections", in.number(to.edge.max_connections, 16, 1000000)}})},
       {"build", in.section({{"concurrency", in.number(to.build.concurrency, 1, 64)},
                             {"deadline_seconds", in.number(to.build.deadline_seconds, 10, 86400)},
                             {"cpu_millicores", in.number(to.build.cpu_millicores, 0, 1000000)},
                             {"memory_bytes", in.bytes(to.build.memory_bytes)},
                             {"pids", in.number(to.build.pids, 0, 1000000)},
                             {"disk_bytes", in.bytes(to.build.disk_bytes)},
                             {"cgroup", in.text(to.build.cgroup)},
                             {"keep_images", in.number(to.build.keep_images, 1, 1000)},
                             {"images_bytes", in.bytes(to.build.images_bytes)},
                             {"images_low_bytes", in.bytes(to.build.images_low_bytes)},
                             {"cache_bytes", in.bytes(to.build.cache_bytes)},
                             {"upload_bytes", in.bytes(to.build.upload_bytes)}})},
       {"git", in.section({{"concurrency", in.number(to.git.concurrency, 1, 64)},
                           {"deadline_seconds", in.number(to.git.deadline_seconds, 1, 86400)},
                           {"repository_bytes", in.bytes(to.git.repository_bytes)},
                           {"allow_files", in.flag(to.git.allow_files)},
                           {"pause_seconds", in.number(to.git.pause_seconds, 0, 3600)},
                           {"checks_seconds", in.number(to.git.checks_seconds, 1, 604800)}})},
       {"alerts", in.section({{"webhook_url", in.text(to.alerts.webhook_url)},
                              {"webhook_secret", in.text(to.alerts.webhook_secret)}})},
       {"metrics", in.section({{"days", in.number(to.metrics_days, 0, 365)}})},
       {"jobs", in.section({{"at_once", in.number(to.jobs.at_once, 1, 10000)}})},
       {"sessions", in.section({{"most", in.number(to.sessions.most, 0, 10000)}})},
       {"scheduler",
        in.section(
            {{"resync_seconds", in.number(to.scheduler.resync_seconds, 1, 3600)},
             {"orphan_grace_seconds", in.number(to.scheduler.orphan_grace_seconds, 1, 86400)}})},
       {"audit", in.section({{"keep_days", in.number(to.audit.keep_days, 0, 36500)}})},
       {"environments",
        in.section({{"grace_seconds", in.number(to.environments.grace_seconds, 1, kYear)}})},
       {"volumes",
        in.section({{"grace_seconds", in.number(to.volumes.grace_seconds, 1, kYear)},
                    {"measure_seconds", in.number(to.volumes.measure_seconds, 1, 86400)},
                    {"purge_look_seconds", in.number(to.volumes.purge_look_seconds, 1, 86400)}})}});
}

bool is_domain(const std::string& text) {
  if (text.empty() || text.size() > 189) return false;
  std::istringstream labels(text);
  for (std::string label; std::getline(labels, label, '.');) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    if (label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
      return false;
  }
  return text.back() != '.';
}

bool is_url(const std::string& text) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.starts_with(scheme) && text.size() > scheme.size())
      return text.find_first_of(" \t\r\n") == std::string::npos;
  return false;
}

}  // namespace

Result<NetworkRange> parse_network_range(const std::string& text) {
  const Error bad = invalid("/network_range", "invalid_config",
                            "expected a range of /24 or more, such as 10.192.0.0/12");
  const auto slash = text.find('/');
  if (slash == std::string::npos) return bad;
  in_addr address{};
  int bits = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + slash + 1, last, bits);
  if (inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) != 1 || error != std::errc() ||
      end != last || bits < 8 || bits > 24)
    return bad;
  if ((ntohl(address.s_addr) & ((1ULL << (32 - bits)) - 1)) != 0) return bad;
  return NetworkRange{text.substr(0, slash), std::min(1 << (24 - bits), 65536)};
}

Result<Config> parse_config(const std::string& text, const std::string& name) {
  Config config;
  Reader reader(name);
  try {
    const YAML::Node root = YAML::Load(text);
    read_into(reader, root, config);
    if (!is_domain(config.base_domain))
      reader.complain(root["base_domain"], "base_domain",
                      "expected a lower-case domain such as apps.example.com");
    if (!config.alerts.webhook_url.empty() && !is_url(config.alerts.webhook_url))
      reader.complain(root["alerts"]["webhook_url"], "alerts.webhook_url",
                      "expected a URL such as https://alerts.example.com/gantry");
    if (config.build.images_bytes > 0 && config.build.images_low_bytes > config.build.images_bytes)
      reader.complain(root["build"]["images_low_bytes"], "build.images_low_bytes",
                      "expected at most build.images_bytes");
  } catch (const YAML::Exception& problem) {
    const std::string detail = fmt::format("{}:{}: {}", name, problem.mark.line + 1, problem.msg);
    return Error{Code::invalid, "invalid_config", detail, {{"", "invalid_config", detail}}};
  }
  if (!reader.errors().empty()) {
    Error error{Code::invalid, "invalid_config", "", std::move(reader.errors())};
    for (const FieldError& field : error.fields)
      error.detail += (error.detail.empty() ? "" : "\n") + field.detail;
    return error;
  }
  if (config.key_file.empty()) config.key_file = config.data_dir + "/key";
  if (config.templates_dir.empty()) config.templates_dir = config.data_dir + "/templates";
  return config;
}

Result<Config> load_config(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{Code::not_found, "no_config", path + ": the file cannot be read", {}};
  std::stringstream text;
  text << file.rdbuf();
  return parse_config(text.str(), path);
}

}  // namespace gantry
