#include "runtime/git/git_program.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sodium.h>

#include "proto/git_url.hpp"
#include "runtime/build/files.hpp"

namespace gantry {
namespace {

constexpr const char* kKeyFile = "/key";

// In single quotes: git hands the line to a shell of its own.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string ssh_line(const GitOptions& options, const GitCredential& credential,
                     const std::string& home) {
  std::string line =
      "ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15 -o "
      "StrictHostKeyChecking=accept-new -o UserKnownHostsFile=" +
      quoted(options.directory + "/known_hosts");
  // None but the repository's own: the daemon's user may have keys, too.
  line += " -o IdentitiesOnly=yes -o IdentityAgent=none ";
  return line +
         (credential.ssh_key.empty() ? "-o IdentityFile=none" : "-i " + quoted(home + kKeyFile));
}

struct Meaning {
  const char* said;
  Code code;
  const char* reason;
  const char* detail;
};

// The first that is found counts.
constexpr std::array kMeanings{
    Meaning{"not allowed", Code::invalid, "protocol_refused",
            "this installation does not fetch over that protocol"},
    Meaning{"Host key verification failed", Code::invalid, "host_key_changed",
            "the server shows another key than before: if that is right, remove its line from "
            "git/known_hosts in the daemon's data_dir"},
    Meaning{"ssh: connect to host", Code::unavailable, "git_unreachable",
            "the server could not be reached"},
    Meaning{"ssh: Could not resolve", Code::unavailable, "git_unreachable",
            "its host's name is not known"},
    Meaning{"kex_exchange_identification", Code::unavailable, "git_unreachable",
            "the server broke off"},
    Meaning{"Connection closed by", Code::unavailable, "git_unreachable", "the server broke off"},
    Meaning{"Connection reset by", Code::unavailable, "git_unreachable", "the server broke off"},
    Meaning{"Load key", Code::invalid, "auth_refused",
            "this is no private key: give the file that ssh-keygen wrote, not the one with .pub"},
    Meaning{"Permission denied (", Code::invalid, "auth_refused",
            "the server refused the key: is it there as a deploy key?"},
    Meaning{"Authentication failed", Code::invalid, "auth_refused",
            "the server refused the access token: give one that may read the repository"},
    Meaning{"could not read Username", Code::invalid, "auth_refused",
            "the server asks for credentials: give an access token that may read the repository"},
    Meaning{"terminal prompts disabled", Code::invalid, "auth_refused",
            "the server asks for credentials: give an access token that may read the repository"},
    Meaning{"error: 403", Code::invalid, "auth_refused",
            "the server refused the access token: it may not read this repository"},
    Meaning{"error: 401", Code::invalid, "auth_refused",
            "the server refused the access token: give one that may read the repository"},
    Meaning{"couldn't find remote ref", Code::invalid, "unknown_branch",
            "it is not there (any more): push it, or connect another branch"},
    Meaning{"not our ref", Code::invalid, "unknown_branch", "that commit is not there (any more)"},
    Meaning{"not found", Code::invalid, "unknown_repository",
            "there is no such repository, or it is private: check the address, or give an access "
            "token"},
    Meaning{"does not appear to be a git repository", Code::invalid, "unknown_repository",
            "there is no repository at this address"},
    Meaning{"Could not read from remote repository", Code::invalid, "unknown_repository",
            "the server gave no repository at this address"},
    Meaning{"unable to access", Code::unavailable, "git_unreachable",
            "the server could not be reached or broke off"},
    Meaning{"Could not resolve host", Code::unavailable, "git_unreachable",
            "its host's name is not known"},
    Meaning{"early EOF", Code::unavailable, "git_unreachable", "the server broke off"},
    Meaning{"No space left", Code::exhausted, "disk_full", "the disk is full"},
};

std::string last_line(const std::string& output) {
  std::string line;
  std::size_t at = 0;
  while (at < output.size()) {
    const auto end = std::min(output.find('\n', at), output.size());
    const std::string each = output.substr(at, end - at);
    if (each.starts_with("fatal:") || each.starts_with("error:") || line.empty()) line = each;
    at = end + 1;
  }
  return shown(line);
}

// Whatever a server or a helper may echo.
std::string without(std::string text, const std::string& secret) {
  if (secret.size() < 4) return text;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret))
    text.replace(at, secret.size(), "***");
  return text;
}

}  // namespace

std::string base64(const std::string& bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.resize(out.size() - 1);  // its NUL
  return out;
}

std::map<std::string, std::string> git_environment(const GitOptions& options,
                                                   const std::string& url,
                                                   const GitCredential& credential,
                                                   const std::string& home) {
  std::map<std::string, std::string> environment{
      {"PATH", "/usr/bin:/bin"},
      {"HOME", home},
      {"LC_ALL", "C"},
      {"GIT_CONFIG_NOSYSTEM", "1"},
      {"GIT_CONFIG_GLOBAL", "/dev/null"},
      {"GIT_TERMINAL_PROMPT", "0"},
      {"GIT_OPTIONAL_LOCKS", "0"},
      {"GIT_ALLOW_PROTOCOL", options.allow_files ? "https:http:ssh:file" : "https:http:ssh"},
      {"GIT_SSH_COMMAND", ssh_line(options, credential, home)},
  };
  std::vector<std::pair<std::string, std::string>> config{
      {"core.hooksPath", "/dev/null"},
      {"core.symlinks", "true"},
      {"core.fsmonitor", "false"},
      {"credential.helper", ""},
      {"http.lowSpeedLimit", "200"},
      {"http.lowSpeedTime", "30"},
      {"http.followRedirects", "initial"},
      {"gc.auto", "0"},
      {"advice.detachedHead", "false"},
      {"init.defaultBranch", "main"},
      {"transfer.fsckObjects", "false"},
      {"submodule.recurse", "false"},
      {"filter.lfs.smudge", ""},
      {"filter.lfs.process", ""},
      {"filter.lfs.required", "false"},
      {"fetch.unpackLimit", "1"},  // a large file is kept as it came, not deflated anew
  };
  const auto parts = parse_repository_url(url);
  if (!credential.token.empty() && parts && parts->scheme.starts_with("http")) {
    const std::string user = credential.username.empty() ? "x-access-token" : credential.username;
    config.emplace_back("http." + parts->scheme + "://" + parts->host + "/.extraHeader",
                        "Authorization: Basic " + base64(user + ":" + credential.token));
  }
  environment["GIT_CONFIG_COUNT"] = std::to_string(config.size());
  for (std::size_t i = 0; i < config.size(); ++i) {
    environment["GIT_CONFIG_KEY_" + std::to_string(i)] = config[i].first;
    environment["GIT_CONFIG_VALUE_" + std::to_string(i)] = config[i].second;
  }
  return environment;
}

Result<> write_ssh_key(const GitCredential& credential, const std::string& home) {
  if (credential.ssh_key.empty()) return done();
  const std::string path = home + kKeyFile;
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return io_error("cannot write the key's file", errno);
  std::string text = credential.ssh_key;
  if (!text.ends_with('\n')) text += '\n';
  return write_all(file.get(), text, "cannot write the key's file");
}

Error git_error(const std::string& output, const std::string& subject,
                const GitCredential& credential) {
  const std::string said = without(last_line(output), credential.token);
  for (const Meaning& each : kMeanings)
    if (output.find(each.said) != std::string::npos)
      return {each.code, each.reason, subject + ": " + each.detail + " (git: " + said + ")"};
  return {Code::unavailable, "git_failed", subject + ": git failed: " + said};
}

}  // namespace gantry
