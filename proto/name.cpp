#include "proto/name.hpp"

#include <algorithm>
#include <cctype>

namespace gantry {
namespace {

constexpr std::size_t kNameMax = 30;
constexpr std::size_t kVariableNameMax = 255;
constexpr std::size_t kVariableValueMax = 128 * 1024;
constexpr std::size_t kImageMax = 512;

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Length of the UTF-8 sequence at the front of `text`, 0 when it is none (RFC 3629: no surrogates,
// no overlong forms).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tail = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  const unsigned char b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b <= 0xdf) return tail(1) ? 2 : 0;
  if (b >= 0xe0 && b <= 0xef) {
    if (!tail(1) || !tail(2)) return 0;
    if (b == 0xe0 && byte(1) < 0xa0) return 0;
    if (b == 0xed && byte(1) > 0x9f) return 0;
    return 3;
  }
  if (b >= 0xf0 && b <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (b == 0xf0 && byte(1) < 0x90) return 0;
    if (b == 0xf4 && byte(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

Result<Name> Name::parse(std::string_view text, std::string_view pointer) {
  const bool fits =
      !text.empty() && text.size() <= kNameMax && text.front() != '-' && text.back() != '-' &&
      std::all_of(text.begin(), text.end(), [](char c) { return lower_or_digit(c) || c == '-'; });
  if (fits) return Name(std::string(text));
  return invalid(std::string(pointer), "invalid_name",
                 "a name has 1 to 30 lower-case letters, digits and hyphens, with a letter or "
                 "digit at both ends");
}

Result<std::string> parse_variable_name(std::string_view text, std::string_view pointer) {
  const auto word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  const bool fits = !text.empty() && text.size() <= kVariableNameMax &&
                    std::isdigit(static_cast<unsigned char>(text.front())) == 0 &&
                    std::all_of(text.begin(), text.end(), word);
  if (fits) return std::string(text);
  return invalid(std::string(pointer), "invalid_variable_name",
                 "a variable's name has letters, digits and underscores, does not begin with a "
                 "digit and has at most "
                 "255 characters");
}

Result<> check_variable_value(std::string_view text, std::string_view pointer) {
  if (text.size() > kVariableValueMax)
    return invalid(std::string(pointer), "value_too_long", "a value has at most 131072 bytes");
  if (text.find('\0') != std::string_view::npos)
    return invalid(std::string(pointer), "value_has_nul",
                   "a value cannot contain a NUL byte: remove it or encode it");
  if (!is_utf8(text))
    return invalid(std::string(pointer), "value_not_utf8",
                   "a value is UTF-8 text: encode binary data");
  return done();
}

Result<ImageRef> ImageRef::parse(std::string_view text, std::string_view pointer) {
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_' ||
           c == '/' || c == ':' || c == '@';
  };
  const auto at = text.find('@');
  const std::string_view path = text.substr(0, at);
  const auto slash = path.rfind('/');
  const auto colon = path.find(':', slash == std::string_view::npos ? 0 : slash);
  const std::string_view repository = path.substr(0, colon);
  const auto edge = [](std::string_view s) {
    return !s.empty() && std::isalnum(static_cast<unsigned char>(s.front())) != 0 &&
           std::isalnum(static_cast<unsigned char>(s.back())) != 0;
  };
  bool fits = text.size() <= kImageMax && std::all_of(text.begin(), text.end(), allowed) &&
              edge(repository) && repository.find("//") == std::string_view::npos &&
              repository.find("..") == std::string_view::npos;
  if (fits && slash != std::string_view::npos) {
    // Only the registry's name may hold capitals and a port.
    const auto first = repository.find('/');
    const std::string_view rest = repository.substr(first + 1);
    fits = std::none_of(rest.begin(), rest.end(),
                        [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }) &&
           rest.find(':') == std::string_view::npos;
  } else if (fits) {
    fits = std::none_of(repository.begin(), repository.end(),
                        [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; });
  }
  if (fits && colon != std::string_view::npos) {
    const std::string_view tag = path.substr(colon + 1);
    fits = !tag.empty() && tag.size() <= 128 && tag.find_first_of(":/") == std::string_view::npos &&
           tag.front() != '-' && tag.front() != '.';
  }
  if (fits && at != std::string_view::npos) {
    const std::string_view digest = text.substr(at + 1);
    fits = digest.size() == 71 && digest.substr(0, 7) == "sha256:" &&
           digest.find_first_not_of("0123456789abcdef", 7) == std::string_view::npos;
  }
  if (fits) return ImageRef(std::string(text));
  return invalid(std::string(pointer), "invalid_image",
                 "expected an image such as nginx:1.27, registry.example.com/team/app:v3 or "
                 "name@sha256:<64 hex digits>");
}

}  // namespace gantry
