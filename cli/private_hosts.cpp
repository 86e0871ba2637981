#include "cli/private_hosts.hpp"

#include <charconv>

namespace gantry::cli {
namespace {

constexpr std::string_view kDomain = ".railway.internal";
constexpr std::string_view kHere = "127.0.0.1";
constexpr std::string_view kHostEnding = "HOST";

struct Found {
  std::size_t begin = std::string::npos, end = 0;  // with its port
  std::string service;
  int port = 0;
};

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

Found find_host(const std::string& text, std::size_t from) {
  Found found;
  const auto domain = text.find(kDomain, from);
  if (domain == std::string::npos) return found;
  std::size_t begin = domain;
  while (begin > from && is_name(text[begin - 1])) --begin;
  found.end = domain + kDomain.size();
  found.service = text.substr(begin, domain - begin);
  found.begin = begin;
  if (found.end < text.size() && text[found.end] == ':') {
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data() + found.end + 1, last, found.port);
    if (error == std::errc()) found.end = static_cast<std::size_t>(end - text.data());
  }
  return found;
}

std::string rewritten(const std::string& text, const LocalPort& local_port) {
  const bool is_url = text.find("://") != std::string::npos;
  std::string out;
  std::size_t at = 0;
  for (Found found = find_host(text, 0); found.begin != std::string::npos;
       found = find_host(text, found.end)) {
    out += text.substr(at, found.begin - at);
    at = found.end;
    const bool wanted = !found.service.empty() && (is_url || found.port != 0);
    const int local = wanted ? local_port(found.service, found.port) : 0;
    if (local == 0)
      out += text.substr(found.begin, found.end - found.begin);
    else
      out += std::string(kHere) + ":" + std::to_string(local);
  }
  return out + text.substr(at);
}

// "PGHOST" -> "PGPORT"; empty when it is no such name.
std::string twin_of(const std::string& name) {
  if (!name.ends_with(kHostEnding)) return "";
  return name.substr(0, name.size() - kHostEnding.size()) + "PORT";
}

}  // namespace

Values with_local_hosts(Values variables, const LocalPort& local_port) {
  Values changed;
  for (const auto& [name, value] : variables) {
    const Found whole = find_host(value, 0);
    const bool is_host = whole.begin == 0 && whole.end == value.size() && whole.port == 0;
    const std::string twin = twin_of(name);
    if (!is_host || twin.empty()) {
      changed.try_emplace(name, rewritten(value, local_port));
      continue;
    }
    int port = 0;
    const auto found = variables.find(twin);
    if (found != variables.end())
      std::from_chars(found->second.data(), found->second.data() + found->second.size(), port);
    const int local = local_port(whole.service, port);
    if (local == 0) continue;
    changed[name] = kHere;
    changed[twin] = std::to_string(local);
  }
  for (auto& [name, value] : changed) variables[name] = value;
  return variables;
}

}  // namespace gantry::cli
