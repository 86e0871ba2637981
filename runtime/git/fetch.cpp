#include "runtime/git/fetch.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "proto/git_url.hpp"
#include "runtime/build/files.hpp"
#include "runtime/build/pack_folder.hpp"
#include "runtime/git/git_program.hpp"
#include "runtime/process.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMessageMax = 1000;
constexpr std::size_t kDiffBytes = 32ULL << 20;
constexpr std::size_t kPointersShown = 5;
constexpr const char* kHistory = "--depth=50";  // how far back a common ancestor is looked for

std::uint64_t bytes_in(const std::string& folder) {
  std::uint64_t bytes = 0;
  std::error_code failed;
  for (fs::recursive_directory_iterator it(folder, failed), end; !failed && it != end;
       it.increment(failed)) {
    std::error_code gone;  // git removes files of its own meanwhile
    if (it->symlink_status(gone).type() != fs::file_type::regular) continue;
    const auto size = it->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

// A folder that goes with the object.
class Scratch {
 public:
  explicit Scratch(std::string path) : path_(std::move(path)) {
    std::error_code failed;
    fs::create_directories(path_ + "/tree", failed);
    fs::permissions(path_, fs::perms::owner_all, failed);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code failed;
    fs::remove_all(path_, failed);
  }
  const std::string& path() const { return path_; }
  std::string tree() const { return path_ + "/tree"; }

 private:
  std::string path_;
};

std::string cut(std::string text, std::size_t most) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}

std::string names(const std::vector<std::string>& paths) {
  std::string out;
  for (std::size_t i = 0; i < std::min(paths.size(), kPointersShown); ++i)
    out += (i == 0 ? "" : ", ") + shown(paths[i]);
  return out + (paths.size() > kPointersShown ? " and more" : "");
}

// One repository's work: where, with what, for how long.
class Work {
 public:
  Work(const GitOptions& options, std::string url, const GitCredential& credential,
       const Scratch& scratch, std::stop_token stop)
      : options_(options),
        url_(std::move(url)),
        credential_(credential),
        scratch_(scratch),
        stop_(std::move(stop)) {}

  // `subject`: what a complaint is about.
  Result<std::string> git(std::vector<std::string> arguments, const std::string& subject,
                          int seconds) {
    Program program;
    program.argv = {options_.program, "-C", scratch_.tree()};
    program.argv.insert(program.argv.end(), arguments.begin(), arguments.end());
    program.environment = git_environment(options_, url_, credential_, scratch_.path());
    program.working_directory = scratch_.tree();
    auto finished = run(program, seconds, [this] { return look(); });
    if (!finished && finished.error().reason == "timeout")
      return Error{Code::unavailable, "git_timeout",
                   subject + ": the server did not answer in full within " +
                       std::to_string(seconds) + " seconds"};
    if (!finished) return finished.error();
    if (auto trouble = look()) return *std::move(trouble);
    if (finished->exit_code != 0) return git_error(finished->output, subject, credential_);
    return std::move(finished->output);
  }

  const Scratch& scratch() const { return scratch_; }

 private:
  std::optional<Error> look() const {
    if (stop_.stop_requested())
      return Error{Code::unavailable, "interrupted", "the daemon stops; it begins again with it"};
    if (bytes_in(scratch_.path()) > options_.bytes)
      return Error{Code::invalid, "repository_too_large",
                   "the repository has more than " +
                       std::to_string(std::max<std::uint64_t>(options_.bytes >> 20, 1)) +
                       " MiB: keep large files out of it, or raise git.repository_bytes"};
    if (free_bytes(scratch_.path()) < options_.reserve_bytes)
      return Error{Code::exhausted, "disk_full",
                   "the disk is full: the repository was not fetched"};
    return std::nullopt;
  }

  const GitOptions& options_;
  const std::string url_;
  const GitCredential& credential_;
  const Scratch& scratch_;
  const std::stop_token stop_;
};

class ProgramRemote final : public GitRemote {
 public:
  ProgramRemote(GitOptions options, Sources& sources)
      : options_(std::move(options)), sources_(sources) {
    std::error_code failed;
    fs::remove_all(options_.directory + "/work", failed);
    fs::create_directories(options_.directory + "/work", failed);
    fs::permissions(options_.directory, fs::perms::owner_all, failed);
  }

  Result<Fetched> fetch(const FetchOrder& order) override {
    GANTRY_TRY(check_scheme(order.url));
    const Scratch scratch(options_.directory + "/work/" + std::to_string(++count_));
    GANTRY_TRY(write_ssh_key(order.credential, scratch.path()));
    Work work(options_, order.url, order.credential, scratch, order.stop);
    Fetched fetched;
    GANTRY_TRY(check_out(work, order, fetched));
    const auto pointers = lfs_pointers(scratch.tree(), kPointersShown + 1);
    if (!pointers.empty())
      return Error{Code::invalid, "lfs_pointers",
                   "these files are kept in Git LFS, which is not fetched: " + names(pointers) +
                       ". Put them into the repository itself, or deploy with `gantry up`"};
    const auto packed = pack_folder(scratch.tree(), scratch.path() + "/archive", order.stop);
    if (!packed) return packed.error();
    GANTRY_TRY(keep_archive(sources_, order.project_id, *packed));
    fetched.archive = packed->digest;
    return fetched;
  }

  Result<GitHeads> heads(const std::string& url, const GitCredential& credential) override {
    GANTRY_TRY(check_scheme(url));
    const Scratch scratch(options_.directory + "/work/" + std::to_string(++count_));
    GANTRY_TRY(write_ssh_key(credential, scratch.path()));
    Work work(options_, url, credential, scratch, {});
    auto listed = work.git({"ls-remote", "--symref", "--", url, "HEAD", "refs/heads/*"}, url,
                           options_.heads_seconds);
    if (!listed) return listed.error();
    return read_heads(*listed);
  }

 private:
  Result<> check_scheme(const std::string& url) const {
    const auto parts = parse_repository_url(url);
    if (!parts) return parts.error();
    if (parts->scheme != "file" || options_.allow_files) return done();
    return invalid("/repository", "protocol_refused",
                   "this installation does not fetch from its own disk: git.allow_files in its "
                   "configuration would let it");
  }

  static GitHeads read_heads(const std::string& text) {
    constexpr std::string_view kHeads = "refs/heads/";
    GitHeads heads;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      const std::string_view line(text.data() + at, end - at);
      at = end + 1;
      const auto tab = line.find('\t');
      if (tab == std::string_view::npos) continue;
      const auto first = line.substr(0, tab), second = line.substr(tab + 1);
      if (first.starts_with("ref: refs/heads/") && second == "HEAD")
        heads.standard = first.substr(5 + kHeads.size());
      else if (is_commit(first) && second.starts_with(kHeads))
        heads.branches[std::string(second.substr(kHeads.size()))] = first;
    }
    return heads;
  }

  Result<> check_out(Work& work, const FetchOrder& order, Fetched& fetched) const {
    const std::string subject = order.url + " " + order.ref;
    const int seconds = options_.deadline_seconds;
    const std::string depth = order.compare.empty() ? "--depth=1" : kHistory;
    for (const auto& step : std::vector<std::vector<std::string>>{
             {"init", "--quiet"},
             {"fetch", "--quiet", depth, "--no-tags", "--no-recurse-submodules",
              "--no-write-commit-graph", "--", order.url, "+" + order.ref + ":refs/gantry/head"},
             {"checkout", "--quiet", "--force", "--detach", "refs/gantry/head"}})
      if (const auto done_step = work.git(step, subject, seconds); !done_step)
        return done_step.error();
    GANTRY_TRY(describe(work, subject, fetched));
    if (!order.compare.empty()) compare(work, order, fetched);
    return submodules(work, order, fetched);
  }

  // Commit, author and message.
  static Result<> describe(Work& work, const std::string& subject, Fetched& fetched) {
    auto text =
        work.git({"log", "-1", "--no-show-signature", "--encoding=UTF-8", "--format=%H%n%an%n%B"},
                 subject, 30);
    if (!text) return text.error();
    const auto first = text->find('\n');
    const auto second = text->find('\n', first + 1);
    fetched.commit = text->substr(0, first);
    if (!is_commit(fetched.commit) || second == std::string::npos)
      return Error{Code::unavailable, "git_failed", subject + ": git told no commit"};
    fetched.author = cut(text->substr(first + 1, second - first - 1), 200);
    fetched.message = cut(text->substr(second + 1), kMessageMax);
    return done();
  }

  // What cannot be told is not told: then everything counts as changed.
  void compare(Work& work, const FetchOrder& order, Fetched& fetched) const {
    const std::string subject = order.url;
    std::string found;
    for (const std::string& each : {order.compare, order.against}) {
      if (each.empty() || !found.empty()) continue;
      if (work.git({"fetch", "--quiet", kHistory, "--no-tags", "--no-recurse-submodules", "--",
                    order.url, "+" + each + ":refs/gantry/base"},
                   subject, options_.deadline_seconds))
        found = each;
    }
    if (found.empty()) return;
    // Of a branch: since it was left. Of a commit that was deployed: between the two.
    std::string from = "refs/gantry/base";
    if (const auto ancestor = is_commit(found)
                                  ? Result<std::string>(not_found("ancestor"))
                                  : work.git({"merge-base", from, "refs/gantry/head"}, subject, 30);
        ancestor && is_commit(ancestor->substr(0, 40)))
      from = ancestor->substr(0, 40);
    const auto written = work.git({"diff", "--name-only", "-z", "--no-renames", "--no-ext-diff",
                                   "--output=../changed", from, "refs/gantry/head"},
                                  subject, 60);
    if (!written) return;
    const auto text = read_whole(work.scratch().path() + "/changed", kDiffBytes);
    if (!text) return;
    fetched.changed.emplace();
    for (std::size_t at = 0; at < text->size();) {
      const auto end = std::min(text->find('\0', at), text->size());
      fetched.changed->push_back(text->substr(at, end - at));
      at = end + 1;
    }
  }

  Result<> submodules(Work& work, const FetchOrder& order, Fetched& fetched) const {
    std::error_code failed;
    if (!fs::exists(work.scratch().tree() + "/.gitmodules", failed)) return done();
    if (!order.submodules) {
      fetched.warnings.emplace_back(
          "the repository has submodules, which were not fetched: `gantry repo connect "
          "--submodules` has them");
      return done();
    }
    const auto updated =
        work.git({"submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1"},
                 order.url, options_.deadline_seconds);
    if (updated) return done();
    Error error = updated.error();
    if (error.code == Code::invalid && error.reason != "repository_too_large") {
      error.reason = "bad_submodule";
      error.detail = "a submodule could not be fetched: " + error.detail;
    }
    return error;
  }

  const GitOptions options_;
  Sources& sources_;
  std::atomic<std::uint64_t> count_ = 0;
};

}  // namespace

std::unique_ptr<GitRemote> make_git_remote(GitOptions options, Sources& sources) {
  return std::make_unique<ProgramRemote>(std::move(options), sources);
}

}  // namespace gantry
