// "did you mean ...": the known word nearest to a mistyped one. Pure.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace gantry::api {

// `; did you mean "image"?`, or, when nothing is near, `; known are ...`.
std::string nearest_hint(std::string_view word, std::initializer_list<std::string_view> known);

// A caller's text, short enough for a message.
std::string clipped(std::string_view text);

}  // namespace gantry::api
