#include "proto/host.hpp"

#include <algorithm>
#include <cctype>

namespace gantry {
namespace {

constexpr std::size_t kHostMax = 253;
constexpr std::size_t kLabelMax = 63;

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelMax && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), [](unsigned char c) {
           return std::islower(c) || std::isdigit(c) || c == '-';
         });
}

// What is wrong with it and how it is put right; empty: nothing.
std::string complaint(std::string_view host) {
  if (host.find("://") != std::string_view::npos || host.find('/') != std::string_view::npos)
    return "leave the scheme and the path out";
  if (host.find('*') != std::string_view::npos)
    return "a wildcard would take hosts of other services: add each host by its name";
  if (host.find(':') != std::string_view::npos)
    return "leave the port out: the edge listens on its own";
  if (std::any_of(host.begin(), host.end(), [](unsigned char c) { return c >= 0x80; }))
    return "write it in its ASCII form, which begins with \"xn--\"";
  if (host.size() > kHostMax) return "a host name has at most 253 characters";
  if (host.find('.') == std::string_view::npos) return "it needs a domain: \"api.example.com\"";
  std::string_view rest = host;
  for (;;) {
    const auto dot = rest.find('.');
    if (!is_label(rest.substr(0, dot)))
      return "each part has 1 to 63 letters, digits and hyphens, and no hyphen at its ends";
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (std::all_of(rest.begin(), rest.end(), [](unsigned char c) { return std::isdigit(c); }))
    return "an address is no domain";
  return {};
}

}  // namespace

Result<std::string> parse_host(std::string_view text, std::string_view pointer) {
  std::string host(text.substr(0, 512));
  std::transform(host.begin(), host.end(), host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (host.size() > 1 && host.back() == '.') host.pop_back();
  const std::string wrong = complaint(host);
  if (wrong.empty()) return host;
  return invalid(std::string(pointer), "invalid_host",
                 "expected a host name such as \"api.example.com\": " + wrong);
}

bool is_directly_below(std::string_view host, std::string_view domain) {
  const auto dot = host.find('.');
  return dot != 0 && dot != std::string_view::npos && host.substr(dot + 1) == domain;
}

}  // namespace gantry
