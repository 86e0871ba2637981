#include "proto/git_url.hpp"

#include <algorithm>

namespace gantry {
namespace {

constexpr std::size_t kUrlMax = 2048;
constexpr std::size_t kBranchMax = 255;

bool is_plain(unsigned char c) {
  return c > 0x20 && c < 0x7f && c != '\\' && c != '"' && c != '\'' && c != '<' && c != '>' &&
         c != '`' && c != '?' && c != '#' && c != '*' && c != '[' && c != '{' && c != '|' &&
         c != '^' && c != ';' && c != '$' && c != '!';
}

bool is_host(std::string_view host) {
  if (host.empty() || host.front() == '-' || host.front() == '.') return false;
  return std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':' || c == '_';
  });
}

// Without slashes at its ends and without ".git"; empty: there is none.
std::string trimmed_path(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.ends_with(".git")) path.remove_suffix(4);
  const bool odd = path.empty() || path.front() == '-' || path.find("..") != std::string_view::npos;
  return odd ? std::string() : std::string(path);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// What stands before "@", which is taken off; nothing: an option or a password.
bool take_user(std::string_view& rest, bool may_be_there) {
  const auto at = rest.substr(0, rest.find('/')).rfind('@');
  if (at == std::string_view::npos) return true;
  const auto user = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return may_be_there && !user.empty() && user.front() != '-' &&
         user.find(':') == std::string_view::npos && user.find('/') == std::string_view::npos;
}

}  // namespace

Result<RepositoryUrl> parse_repository_url(std::string_view text, std::string_view pointer) {
  const Error bad = invalid(std::string(pointer), "invalid_repository",
                            "expected a URL such as \"https://git.example.com/team/app.git\" or "
                            "\"git@git.example.com:team/app.git\"");
  if (text.empty() || text.size() > kUrlMax || text.front() == '-' ||
      !std::all_of(text.begin(), text.end(), is_plain))
    return bad;
  RepositoryUrl found{.url = std::string(text), .scheme = {}, .host = {}, .path = {}};
  const auto mark = text.find("://");
  if (mark == std::string_view::npos) {  // user@host:path
    const auto colon = text.find(':');
    auto rest = text;
    if (colon == std::string_view::npos || text.find("::") != std::string_view::npos ||
        text.find('@') > colon || !take_user(rest, true))
      return bad;
    found.scheme = "ssh";
    found.host = lower(rest.substr(0, rest.find(':')));
    found.path = trimmed_path(rest.substr(rest.find(':') + 1));
    return is_host(found.host) && !found.path.empty() ? Result<RepositoryUrl>(found) : bad;
  }
  found.scheme = lower(text.substr(0, mark));
  auto rest = text.substr(mark + 3);
  if (found.scheme == "file") {
    found.path = trimmed_path(rest);
    return rest.starts_with('/') && !found.path.empty() ? Result<RepositoryUrl>(found) : bad;
  }
  if (found.scheme != "https" && found.scheme != "http" && found.scheme != "ssh") return bad;
  if (!take_user(rest, found.scheme == "ssh"))
    return invalid(std::string(pointer), "credentials_in_url",
                   "write the address without a name and a password: an access token is given "
                   "beside it, where it is kept encrypted");
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return bad;
  found.host = lower(rest.substr(0, slash));
  found.path = trimmed_path(rest.substr(slash));
  return is_host(found.host) && !found.path.empty() ? Result<RepositoryUrl>(found) : bad;
}

bool is_branch_name(std::string_view text) {
  constexpr std::string_view banned = "\\ ~^:?*[\x7f";
  const bool odd = text.empty() || text.size() > kBranchMax || text.front() == '-' ||
                   text.front() == '/' || text.front() == '.' || text.back() == '/' ||
                   text.back() == '.' || text.ends_with(".lock") || text == "@";
  if (odd || text.find_first_of(banned) != std::string_view::npos) return false;
  for (const std::string_view each : {"..", "//", "@{", "/.", ".lock/"})
    if (text.find(each) != std::string_view::npos) return false;
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; });
}

bool is_commit(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace gantry
