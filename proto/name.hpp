// Names that people choose. A value of these types exists only through its parser, so what holds
// one may put it into a DNS label, a file name or an argv without another look.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

// A project's, environment's or service's name: a DNS label of lower-case letters, digits and inner
// hyphens, 1 to 30 characters (service and environment together make one label of at most 63).
class Name {
 public:
  Name() = default;
  static Result<Name> parse(std::string_view text, std::string_view pointer = "/name");
  const std::string& str() const { return text_; }
  auto operator<=>(const Name&) const = default;
  bool operator==(const Name&) const = default;

 private:
  explicit Name(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// A variable's name: [A-Za-z_][A-Za-z0-9_]*, 1 to 255 characters.
Result<std::string> parse_variable_name(std::string_view text, std::string_view pointer = "/name");

// A variable's value: UTF-8 without NUL, at most 128 KiB; otherwise opaque.
Result<> check_variable_value(std::string_view text, std::string_view pointer = "/value");
bool is_utf8(std::string_view);

// An image reference: [registry[:port]/]path[:tag][@sha256:digest], as the engine takes it; at most
// 512 characters, no white space, no leading hyphen. A missing tag is left missing (the engine
// reads latest).
class ImageRef {
 public:
  ImageRef() = default;
  static Result<ImageRef> parse(std::string_view text, std::string_view pointer = "/image");
  const std::string& str() const { return text_; }
  auto operator<=>(const ImageRef&) const = default;
  bool operator==(const ImageRef&) const = default;

 private:
  explicit ImageRef(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace gantry
