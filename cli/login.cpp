#include "cli/output.hpp"
#include "cli/prompt.hpp"
#include "cli/verbs.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  return text;
}

std::string wanted_token(Session& session) {
  if (session.call().has("--token-stdin")) return trimmed(read_stdin());
  if (may_prompt(session)) return trimmed(ask_secret("Token of " + session.url() + ":"));
  throw Failure{"there is no terminal to ask for a token", "no_terminal",
                "give it on stdin: `{program} login --token-stdin < FILE`, or set GANTRY_TOKEN"};
}

int login(Session& session) {
  const std::string url = session.url();
  const std::string token = wanted_token(session);
  if (token.empty()) throw Failure{"the token is empty", "empty_token", ""};
  Client client({.url = url, .token = token, .token_origin = "token"}, 30);
  if (const auto about = client.find("/v1/token"); about && (*about)["kind"].text() == "project")
    throw Failure{"this token is for one project, and login keeps an account's", "project_token",
                  "put it into GANTRY_TOKEN: then no login and no link is needed"};
  client.get("/v1/projects?limit=1");
  session.change_config([&](ConfigFile& config) {
    config.url = url;
    config.tokens[url] = token;
  });
  if (session.json()) {
    std::string out;
    JsonObject(out).text("url", url).boolean("logged_in", true);
    print(out);
  } else {
    print("logged in to " + url);
  }
  return 0;
}

int logout(Session& session) {
  const std::string url = session.url();
  bool had = false;
  session.change_config([&](ConfigFile& config) {
    had = config.tokens.erase(url) > 0;
    if (config.url == url) config.url.clear();
  });
  if (session.json()) {
    std::string out;
    JsonObject(out).text("url", url).boolean("logged_out", had);
    print(out);
  } else {
    print(had ? "logged out of " + url : "there was no token for " + url);
  }
  return 0;
}

// Who that is, and what it may.
void tell_standing(const Json& token) {
  const std::string user = token["user"]["name"].text();
  if (token["operator"].boolean()) print("the operator: may do everything");
  if (user.empty()) return;
  print("user " + user);
  for (const Json& each : token["roles"].items()) {
    const std::string environment = each["environment"]["name"].text();
    print("  " + each["role"].text() + " of " +
          (environment.empty() ? "" : "environment " + environment + " of ") +
          each["project"]["name"].text());
  }
}

int whoami(Session& session) {
  const Json token = session.client().get("/v1/token");
  const Access& access = session.client().access();
  if (session.json()) {
    std::string out;
    JsonObject(out)
        .text("url", access.url)
        .text("token_origin", access.token_origin)
        .raw("token", token.dump());
    print(out);
    return 0;
  }
  std::string line = "logged in to " + access.url + " with the ";
  if (token["kind"].text() == "project")
    line += "project token " + token["name"].text() + " (" + token["project"]["name"].text() +
            ", " + token["environment"]["name"].text() + ") of ";
  else
    line += "account token " + token["name"].text() + " of ";
  print(line + access.token_origin);
  tell_standing(token);
  return 0;
}

}  // namespace

std::vector<Command> login_commands() {
  return {
      {.path = "login",
       .summary = "keep a token for a server",
       .options = {{"--token-stdin", "", "read the token from stdin"}},
       .examples = {"login --url https://gantry.example.com",
                    "login --token-stdin < /var/lib/gantry/admin-token"},
       .run = login},
      {.path = "logout", .summary = "forget the server's token", .run = logout},
      {.path = "whoami", .summary = "show the server and where the token is from", .run = whoami},
  };
}

}  // namespace gantry::cli
