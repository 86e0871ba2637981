#include "tests/support/random_document.hpp"

#include <algorithm>
#include <array>

namespace gantry::testing {
namespace {

using Random = std::mt19937;

bool chance(Random& random, unsigned percent) { return random() % 100 < percent; }

template <class T>
const T& pick(Random& random, const std::vector<T>& all) {
  return all[random() % all.size()];
}

const std::vector<std::string> kServices{"api", "worker", "web", "mail", "cache", "on", "null"};
const std::vector<std::string> kVariables{"LOG_LEVEL", "PORT", "TOKEN", "yes", "_x1"};
const std::vector<std::string> kHosts{"www.example.com", "api.example.com", "shop.example.org"};
const std::vector<std::string> kVolumes{"data", "files", "cache", "old"};
const std::vector<std::string> kImages{"nginx:1.27", "postgres:16", "registry.example.com:5000/a/b",
                                       "busybox"};

// Settings that go together whatever else is chosen.
SettingValues settings(Random& random, bool single) {
  SettingValues values;
  if (chance(random, 85)) values["source.image"] = "\"" + pick(random, kImages) + "\"";
  if (chance(random, 40)) values["deploy.healthcheck_path"] = "\"/up\"";
  if (chance(random, 40)) values["deploy.port"] = std::to_string(3000 + random() % 3);
  if (chance(random, 30)) values["deploy.start_command"] = R"(["a b","\"c\"","é"])";
  if (chance(random, 30)) values["deploy.traffic.sticky"] = "true";
  if (chance(random, 30)) values["deploy.rollout.strategy"] = "\"RECREATE\"";
  if (chance(random, 30)) values["build.watch_patterns"] = R"(["src/**"])";
  if (chance(random, 30)) values["build.nixpacks_plan"] = R"({"phases":{"setup":{}}})";
  if (!single && chance(random, 50)) values["deploy.replicas"] = std::to_string(2 + random() % 3);
  return values;
}

// Of what stands before it, so that there is no circle.
std::string reference(Random& random, const Document& document, const DocumentVariables& own) {
  std::vector<std::string> targets;
  for (const auto& [name, variable] : own) targets.push_back("${{" + name + "}}");
  for (const auto& [name, variable] : document.shared)
    targets.push_back("${{shared." + name + "}}");
  for (const auto& [service, one] : document.services)
    for (const auto& [name, variable] : one.variables)
      targets.push_back("${{" + service + "." + name + "}}");
  return targets.empty() ? "" : pick(random, targets);
}

DocumentVariables variables(Random& random, const Document& document) {
  DocumentVariables out;
  for (const std::string& name : kVariables) {
    if (chance(random, 50)) continue;
    std::string value = random_value(random);
    if (chance(random, 40)) value = reference(random, document, out);
    if (chance(random, 20)) value += reference(random, document, out);
    out[name].value = std::move(value);
  }
  return out;
}

// Each of a pool to one service or to none.
void deal(Random& random, Document& document, const std::vector<std::string>& names) {
  for (const std::string& host : kHosts)
    if (!names.empty() && chance(random, 60))
      document.services[pick(random, names)].domains.push_back(host);
  for (const std::string& volume : kVolumes) {
    if (chance(random, 50)) continue;
    const std::int64_t size = chance(random, 30) ? 1 << 20 : 0;
    if (names.empty() || chance(random, 20))
      document.volumes[volume] = {"", size};
    else
      document.services[pick(random, names)].volumes[volume] = {"/" + volume, size};
  }
}

}  // namespace

std::string random_value(Random& random) {
  static const std::vector<std::string> parts{
      "a",      "Z",      "0",          " ",    "\n",   "\t",   "\"", "'", "\\",
      ":",      ": ",     "#",          " #",   "-",    "- ",   "{",  "}", "[",
      "]",      ",",      "&",          "*",    "!",    "|",    ">",  "%", "@",
      "`",      "true",   "null",       "~",    "1e3",  "0x1f", "$",  "é", "\u0085",
      "\u2028", "\ufeff", "\U0001f600", "\x7f", "\x01", "\r",   "=",  "?", "---"};
  std::string value;
  for (auto left = random() % 6; left > 0; --left) value += pick(random, parts);
  for (auto at = value.find("${"); at != std::string::npos; at = value.find("${")) value[at] = '_';
  return value;
}

gantry::Document random_document(Random& random, const RandomDocumentOptions& options) {
  Document document{.project = options.project, .environment = options.environment};
  document.shared = variables(random, Document());
  std::vector<std::string> names;
  for (const std::string& name : kServices)
    if (chance(random, 50)) names.push_back(name);
  for (const std::string& name : names) {
    DocumentVariables own = variables(random, document);
    document.services[name].variables = std::move(own);
  }
  deal(random, document, names);
  for (const std::string& name : names) {
    DocumentService& service = document.services[name];
    service.settings = settings(random, !service.volumes.empty());
    std::sort(service.domains.begin(), service.domains.end());
    if (chance(random, 15) && names.size() > 1 && names.front() != name)
      service.split = {names.front(), 1 + static_cast<int>(random() % 100)};
    if (chance(random, 15))
      service.tcp_proxy = {20000 + static_cast<int>(&name - names.data()), 5432};
  }
  return document;
}

}  // namespace gantry::testing
