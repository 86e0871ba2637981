#include "proto/template_value.hpp"

#include <charconv>
#include <optional>

namespace gantry {
namespace {

constexpr int kSecretDefault = 32;
constexpr int kSecretMin = 8;
constexpr int kSecretMax = 512;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Gives every ${{...}} to `change`, whole, and puts what comes back in its place.
template <class Change>
std::string each_expression(std::string_view value, const Change& change) {
  std::string out;
  while (!value.empty()) {
    if (value.starts_with("$${{")) {
      out += "$${{";
      value.remove_prefix(4);
      continue;
    }
    const auto close = value.find("}}");
    if (value.starts_with("${{") && close != std::string_view::npos) {
      out += change(value.substr(0, close + 2));
      value.remove_prefix(close + 2);
      continue;
    }
    out += value.front();
    value.remove_prefix(1);
  }
  return out;
}

std::string_view inside(std::string_view expression) {
  return trim(expression.substr(3, expression.size() - 5));
}

struct Secret {
  int length = kSecretDefault;
  std::string_view alphabet = kSecretAlphabet;
};

// Of "secret(32, \"abc\")".
std::optional<Secret> parse_secret(std::string_view call) {
  Secret secret;
  call.remove_prefix(std::string_view("secret").size());
  call = trim(call);
  if (call.size() < 2 || call.front() != '(' || call.back() != ')') return std::nullopt;
  call = trim(call.substr(1, call.size() - 2));
  const auto comma = call.find(',');
  const auto length = trim(call.substr(0, comma));
  if (!length.empty()) {
    const char* end = length.data() + length.size();
    const auto read = std::from_chars(length.data(), end, secret.length);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  }
  if (secret.length < kSecretMin || secret.length > kSecretMax) return std::nullopt;
  if (comma == std::string_view::npos) return secret;
  const auto quoted = trim(call.substr(comma + 1));
  const bool is_text = quoted.size() >= 4 && (quoted.front() == '"' || quoted.front() == '\'') &&
                       quoted.back() == quoted.front();
  if (!is_text) return std::nullopt;
  secret.alphabet = quoted.substr(1, quoted.size() - 2);
  return secret;
}

std::string_view service_of(std::string_view expression) {
  const auto reference = inside(expression);
  const auto dot = reference.rfind('.');
  if (dot == std::string_view::npos) return {};
  auto service = trim(reference.substr(0, dot));
  if (service.size() >= 2 && service.front() == '"' && service.back() == '"')
    service = service.substr(1, service.size() - 2);
  return service;
}

}  // namespace

Result<std::string> fill_secrets(std::string_view value, const RandomBelow& random) {
  std::string_view broken;
  std::string filled = each_expression(value, [&](std::string_view expression) {
    const auto call = inside(expression);
    if (!call.starts_with("secret") || call.find('(') == std::string_view::npos)
      return std::string(expression);
    const auto secret = parse_secret(call);
    if (!secret) {
      broken = expression;
      return std::string();
    }
    std::string made;
    for (int i = 0; i < secret->length; ++i)
      made += secret->alphabet[random(static_cast<std::uint32_t>(secret->alphabet.size()))];
    return made;
  });
  if (broken.empty()) return filled;
  return invalid("/value", "malformed_secret",
                 "cannot read " + std::string(broken.substr(0, 80)) +
                     ": write ${{secret(32)}}, with 8 to 512 characters, or "
                     "${{secret(32, \"alphabet\")}}");
}

std::vector<std::string> referenced_services(std::string_view value) {
  std::vector<std::string> found;
  (void)each_expression(value, [&](std::string_view expression) {
    if (const auto service = service_of(expression); !service.empty() && service != "shared")
      found.emplace_back(service);
    return std::string(expression);
  });
  return found;
}

std::string rename_services(std::string_view value,
                            const std::map<std::string, std::string, std::less<>>& names) {
  return each_expression(value, [&](std::string_view expression) {
    const auto found = names.find(service_of(expression));
    if (found == names.end()) return std::string(expression);
    const auto reference = inside(expression);
    return "${{" + found->second + std::string(reference.substr(reference.rfind('.'))) + "}}";
  });
}

}  // namespace gantry
