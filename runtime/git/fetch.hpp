// Commits out of repositories, by the program git: an argv, an environment of our own, no prompts,
// no hooks, no credentials in an argv or a message. What is fetched is bounded in time and size,
// and nothing of it stays but the archive. Blocking; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "runtime/build/sources.hpp"

namespace gantry {

// What opens a repository. All empty: it is open.
struct GitCredential {
  std::string username;  // beside the token; empty: what the forges take
  std::string token;     // over http and https
  std::string ssh_key;   // a private key without a passphrase, over ssh
};

struct FetchOrder {
  ProjectId project_id;
  std::string url;  // parse_repository_url() took it
  GitCredential credential = {};
  std::string ref;           // "refs/heads/main": what is there now is fetched
  std::string compare = {};  // a ref or a commit to tell what has changed; empty: is not asked
  std::string against = {};  // the same, asked when `compare` is not there any more
  bool submodules = false;
  std::stop_token stop = {};
};

struct Fetched {
  std::string archive;  // of the order's project
  std::string commit;   // 40 hexadecimal digits
  std::string author;
  std::string message;                // whole, at most 1000 bytes
  std::vector<std::string> warnings;  // sentences
  // Paths in which it differs from what it was compared with; nothing: cannot be told.
  std::optional<std::vector<std::string>> changed = {};
};

// The heads of a repository: names of branches to commits.
struct GitHeads {
  std::string standard;  // name of the default branch; empty: nobody says
  std::map<std::string, std::string> branches;
};

class GitRemote {
 public:
  virtual ~GitRemote() = default;
  // Code::invalid, which trying again does not help: "auth_refused" "unknown_repository"
  // "unknown_branch" "protocol_refused" "host_key_changed" "lfs_pointers" "repository_too_large"
  // "bad_submodule" "empty_repository"; unavailable: "git_unreachable" "git_timeout" "git_failed"
  // "interrupted"; exhausted "disk_full".
  virtual Result<Fetched> fetch(const FetchOrder&) = 0;
  virtual Result<GitHeads> heads(const std::string& url, const GitCredential&) = 0;
};

struct GitOptions {
  std::string program = "/usr/bin/git";
  std::string directory;     // "<data_dir>/git": emptied at the start, but for known hosts
  bool allow_files = false;  // file:// addresses: whoever may deploy reads what the daemon may
  int deadline_seconds = 600;
  int heads_seconds = 10;
  std::uint64_t bytes = 1ULL << 30;            // of what is fetched and checked out
  std::uint64_t reserve_bytes = 256ULL << 20;  // of the disk: it never goes below
};

// `sources` outlives it.
std::unique_ptr<GitRemote> make_git_remote(GitOptions, Sources& sources);

}  // namespace gantry
