#include "cli/pairs.hpp"

#include <charconv>

#include "cli/failure.hpp"

namespace gantry::cli {
namespace {

int number(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    throw Failure{"Invalid scale target `" + text + "`", "usage",
                  "write `{program} scale 3` or `{program} scale replicas=3`", kUnreadable};
  return value;
}

}  // namespace

std::pair<std::string, std::string> parse_pair(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Failure{"\"" + text.substr(0, 64) + "\" is not KEY=VALUE", "usage",
                  "write KEY=VALUE, with quotes around it when the value has blanks", kUnreadable};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::optional<std::string> emptied(const std::string& value) {
  const auto scheme = value.find("://");
  if (scheme == std::string::npos || scheme == 0) {
    if (value.rfind("//.", 0) == 0) return "it begins with \"//.\"";
    return scheme == 0 ? std::optional<std::string>("it begins with \"://\"") : std::nullopt;
  }
  const std::string rest = value.substr(scheme + 3);
  const std::string lead = value.substr(0, scheme + 3);
  const bool is_path =
      value.compare(0, scheme, "file") == 0 || value.compare(0, scheme, "unix") == 0;
  if (rest.empty()) return "nothing stands behind \"" + lead + "\"";
  if (rest[0] == '.') return "no name stands between \"" + lead + "\" and \".\"";
  if (rest[0] == '/' && !is_path && value.compare(0, scheme, "sqlite") != 0)
    return "no host stands between \"" + lead + "\" and \"/\"";
  const std::string authority = rest.substr(0, rest.find('/'));
  if (authority.find("@.") != std::string::npos || authority.find("..") != std::string::npos)
    return "a part of the host \"" + authority.substr(authority.rfind('@') + 1) + "\" is empty";
  if (authority.back() == '@' || authority.find("@:") != std::string::npos)
    return "no host stands behind \"@\"";
  if (authority.rfind(":@", 0) == 0) return "user and password before \"@\" are empty";
  return std::nullopt;
}

std::optional<int> parse_scale(const std::vector<std::string>& words,
                               const std::optional<std::string>& option) {
  const Failure twice{"the number of replicas is there twice", "usage", "write `{program} scale 3`",
                      kUnreadable};
  if (words.empty()) return option ? std::optional<int>(number(*option)) : std::nullopt;
  if (option) throw twice;
  constexpr std::string_view key = "replicas";
  if (words[0] == key) {
    if (words.size() == 1) return std::nullopt;
    if (words.size() > 2) throw twice;
    return number(words[1]);
  }
  if (words.size() > 1) throw twice;
  const auto equals = words[0].find('=');
  if (equals == std::string::npos) return number(words[0]);
  if (words[0].substr(0, equals) != key)
    throw Failure{"there are no regions here: \"" + words[0].substr(0, equals) + "\"", "usage",
                  "write `{program} scale replicas=" + words[0].substr(equals + 1) + "`",
                  kUnreadable};
  return number(words[0].substr(equals + 1));
}

}  // namespace gantry::cli
