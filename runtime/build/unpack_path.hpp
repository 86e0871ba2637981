// Names and link targets of an archive's entries, judged before anything touches the disk. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

namespace gantry {

using PathParts = std::vector<std::string>;

struct PathLimits {
  std::size_t bytes = 2048;
  std::size_t depth = 100;
};

// The parts of an entry's name, without "." and empty ones; none at all for the root itself.
// Absolute, with "..", too long or too deep: invalid "archive_refused".
Result<PathParts> entry_parts(std::string_view name, const PathLimits&);

// Whether a symbolic link with these parts stays in the root, as its text reads: what a link
// further on does to it is for the caller to see. The same error.
Result<> check_link_target(const PathParts& link, std::string_view target);

std::string joined(const PathParts& parts);

// "the archive is refused: <name> <why>".
Error refused_entry(std::string_view name, const std::string& why);

}  // namespace gantry
