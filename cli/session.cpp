#include "cli/session.hpp"

#include <cstdlib>
#include <fstream>

#include <unistd.h>

#include "cli/output.hpp"

namespace gantry::cli {
namespace {

constexpr const char* kDefaultUrl = "http://127.0.0.1:7070";
constexpr const char* kAdminTokenFile = "/var/lib/gantry/admin-token";
constexpr long kTimeoutSeconds = 90;

std::string without_slash(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  if (url.find("://") == std::string::npos) url = "http://" + url;
  return url;
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

long timeout_seconds() {
  const auto text = first_set(environ_value, {"GANTRY_HTTP_TIMEOUT", "RAILWAY_HTTP_TIMEOUT"});
  const long value = text ? std::atol(text->c_str()) : 0;
  return value > 0 ? value : kTimeoutSeconds;
}

}  // namespace

const char* environ_value(const char* name) { return std::getenv(name); }

std::string current_directory() {
  char buffer[4096];
  if (::getcwd(buffer, sizeof buffer) == nullptr)
    throw Failure{"the current directory is gone", "no_directory", "cd to one that is there"};
  return buffer;
}

Session::Session(Call call) : call_(std::move(call)) {}

const ConfigFile& Session::config() {
  if (!config_) config_ = load_config_file(config_path());
  return *config_;
}

void Session::change_config(const std::function<void(ConfigFile&)>& change) {
  change_config_file(config_path(), change);
  config_.reset();
}

std::string Session::url() {
  if (const auto url = call_.value("--url")) return without_slash(*url);
  if (const auto url = first_set(environ_value, {"GANTRY_URL", "RAILWAY_API_URL"}))
    return without_slash(*url);
  if (const auto* link = find_link(config(), current_directory())) return link->second.url;
  return config().url.empty() ? kDefaultUrl : config().url;
}

Access Session::access() {
  Access access{.url = url(), .token = "", .token_origin = ""};
  if (const auto token = first_set(
          environ_value, {"GANTRY_TOKEN", "RAILWAY_TOKEN", "GANTRY_API_TOKEN", "RAILWAY_API_TOKEN"},
          &access.token_origin)) {
    access.token = *token;
    return access;
  }
  const auto kept = config().tokens.find(access.url);
  if (kept != config().tokens.end()) {
    access.token = kept->second;
    access.token_origin = config_path();
    return access;
  }
  if (::geteuid() != 0 || access.url != kDefaultUrl) return access;
  access.token = first_line(kAdminTokenFile);
  if (access.token.empty()) return access;
  access.token_origin = kAdminTokenFile;
  note(std::string("using the administrator's token in ") + kAdminTokenFile);
  return access;
}

Client& Session::client() {
  if (!client_) client_ = std::make_unique<Client>(access(), timeout_seconds());
  return *client_;
}

const std::pair<const std::string, Link>* Session::link() {
  const auto* found = find_link(config(), current_directory());
  return found != nullptr && found->second.url == url() ? found : nullptr;
}

Selectors Session::selectors() {
  const Selectors written{.project = call_.value("--project").value_or(""),
                          .environment = call_.value("--environment").value_or(""),
                          .service = call_.value("--service").value_or("")};
  const auto* found = link();
  if (const TokenScope* scope = token_scope()) {
    Scoped scoped = within(*scope, written, selectors_of(environ_value),
                           found == nullptr ? nullptr : &found->second);
    if (scoped.wrong.empty()) return std::move(scoped.chosen);
    throw Failure{
        client().access().token_origin + " is a token for environment " + scope->environment +
            " of project " + scope->project + ", which " + scoped.wrong + " is not",
        "token_mismatch",
        "leave the option out, or take a token for that place (`{program} token create`)"};
  }
  return choose(written, selectors_of(environ_value), found == nullptr ? nullptr : &found->second);
}

// A token of `login` is an account's; only a variable may hold one of a project.
const TokenScope* Session::token_scope() {
  const std::string& origin = client().access().token_origin;
  if (!token_asked_ && (origin == "GANTRY_TOKEN" || origin == "RAILWAY_TOKEN")) {
    const auto token = client().find("/v1/token");
    if (token && (*token)["kind"].text() == "project")
      token_scope_ = TokenScope{.project_id = (*token)["project"]["id"].text(),
                                .project = (*token)["project"]["name"].text(),
                                .environment_id = (*token)["environment"]["id"].text(),
                                .environment = (*token)["environment"]["name"].text()};
  }
  token_asked_ = true;
  return token_scope_ ? &*token_scope_ : nullptr;
}

void Session::note(const std::string& text) const { print_error(text); }
void Session::warn(const std::string& text) const {
  print_error(paint(Colour::yellow, "warning: ", STDERR_FILENO) + text);
}

}  // namespace gantry::cli
