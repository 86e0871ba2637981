// JSON of the model, in the words of the REST contract; also the form in which settings and frozen
// variables are stored. Text in, text out: callers never see the JSON library.
#pragma once

#include <string>
#include <string_view>

#include "proto/model.hpp"

namespace gantry {

// Whole settings: {"source":{"image":...},"build":{},"deploy":{"replicas":1,...}}. Every key is
// written.
std::string settings_json(const Settings&);

// What settings_json() wrote. Of an older program: what is not in it has its default. Rules between
// settings are not looked at: they were when it was written.
Result<Settings> parse_settings(std::string_view json);

// RFC 7396 merge patch of settings: absent keys stay, null gives the default. Unknown keys, wrong
// types, values out of range and those that do not go together are Code::invalid with one
// FieldError each, pointers below `base_pointer`.
Result<Settings> merge_settings(const Settings& base, std::string_view json,
                                std::string_view base_pointer = "");

// {"NAME":"value"}; values are UTF-8.
std::string variables_json(const ResolvedVariables&);
Result<ResolvedVariables> parse_variables_json(std::string_view json);

}  // namespace gantry
