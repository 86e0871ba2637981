// Files of variables (.env). Pure. The grammar, published in docs/cli.md:
//
//   file    = [BOM] { blank | comment | entry }
//   comment = "#" up to the end of the line
//   entry   = ["export" space] NAME "=" value       blanks around "=" are allowed
//   value   = bare | 'single' | "double" | `back`
//   bare    = up to the end of the line or a "#" after a blank; outer blanks go; no escapes
//   'single', `back`  = verbatim, over several lines if need be
//   "double" = over several lines too; \n \r \t \" \\ \$ are escapes, another backslash stays
//
// After a closing quote only blanks and a comment may follow. Nothing expands: a "$" is a "$". The
// last of several entries of one name counts. CR LF reads as LF.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

using DotenvEntries = std::vector<std::pair<std::string, std::string>>;

// Code::invalid with "line N: ..." as its detail: bad_name, missing_equals, unbalanced_quote,
// text_after_quote.
Result<DotenvEntries> parse_dotenv(std::string_view text);

// `value` as it is written behind NAME=, so that parse_dotenv gives it back: bare where that is
// enough.
std::string dotenv_value(std::string_view value);

}  // namespace gantry
