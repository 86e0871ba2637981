// Files that matter: written beside, synced, renamed over. Never truncated in place.
#pragma once

#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

// Errors: Code::unavailable "file_failed" (a full disk may get room again).
Error file_error(const std::string& what, const std::string& path);
Result<> write_beside(const std::string& path, std::string_view text);  // whole and synced
Result<> rename_over(const std::string& from, const std::string& to);   // and syncs the folder
Result<> replace_file(const std::string& path, std::string_view text);  // both
// The same without waiting for the disk: for what can be made anew.
Result<> replace_made_file(const std::string& path, std::string_view text);
Result<std::string> read_whole(const std::string& path);          // not_found when absent
Result<> make_directory(const std::string& path, unsigned mode);  // present: succeeds

}  // namespace gantry
