// Where a repository lies, and the names in it: addresses and branches that people write, in a form
// that is safe to hand to a program. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace gantry {

struct RepositoryUrl {
  std::string url;     // as it is fetched from: "https://git.example.com/team/app.git"
  std::string scheme;  // "https" "http" "ssh" "file"
  std::string host;    // lower-case, with its port; of a file: empty
  std::string path;    // "team/app": without ".git"
  std::string owner() const { return path.substr(0, path.rfind('/')); }  // "team"
  std::string name() const { return path.substr(path.rfind('/') + 1); }  // "app"
};

// https://, http://, ssh://, file:// or git@host:path. Code::invalid at `pointer`: anything else, a
// password within, what would read as an option.
Result<RepositoryUrl> parse_repository_url(std::string_view text,
                                           std::string_view pointer = "/repository");

// Whether it may be a branch's name: git-check-ref-format(1), and not an option.
bool is_branch_name(std::string_view text);

// 40 lower-case hexadecimal digits.
bool is_commit(std::string_view text);

}  // namespace gantry
