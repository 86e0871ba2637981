#include "cli/local.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <sys/wait.h>
#include <unistd.h>

#include "cli/failure.hpp"
#include "cli/session.hpp"

extern char** environ;

namespace gantry::cli {
namespace {

constexpr int kNotFound = 127;

constexpr std::string_view kHooks[] = {"PATH",
                                       "NODE_OPTIONS",
                                       "NODE_PATH",
                                       "BASH_ENV",
                                       "ENV",
                                       "PROMPT_COMMAND",
                                       "PYTHONPATH",
                                       "PYTHONSTARTUP",
                                       "PERL5LIB",
                                       "PERL5OPT",
                                       "RUBYLIB",
                                       "RUBYOPT",
                                       "JAVA_TOOL_OPTIONS",
                                       "EDITOR",
                                       "VISUAL",
                                       "PAGER",
                                       "SHELL",
                                       "IFS",
                                       "HOME",
                                       "TERM",
                                       "GIT_SSH_COMMAND"};

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

std::vector<std::string> environment(const Values& variables) {
  std::vector<std::string> all;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string entry(*each);
    if (!variables.contains(entry.substr(0, entry.find('=')))) all.push_back(entry);
  }
  for (const auto& [name, value] : variables) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// While it lives, Ctrl-C is the child's affair: both get it from the terminal.
class Patient {
 public:
  Patient() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignore, &interrupt_);
    ::sigaction(SIGQUIT, &ignore, &quit_);
  }
  ~Patient() { restore(); }
  Patient(const Patient&) = delete;
  Patient& operator=(const Patient&) = delete;
  void restore() const {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGQUIT, &quit_, nullptr);
  }

 private:
  struct sigaction interrupt_ {
  }, quit_{};
};

}  // namespace

std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos)
    return is_program(name) ? std::optional(name) : std::nullopt;
  const char* const set = environ_value("PATH");
  const std::string path = set == nullptr ? "/usr/local/bin:/usr/bin:/bin" : set;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (is_program(candidate)) return candidate;
    begin = end + 1;
  }
  return std::nullopt;
}

bool is_hook(const std::string& variable) {
  return variable.starts_with("LD_") || variable.starts_with("DYLD_") ||
         std::find(std::begin(kHooks), std::end(kHooks), variable) != std::end(kHooks);
}

int run_local(const std::vector<std::string>& argv, const Values& variables) {
  const auto program = find_program(argv.front());
  if (!program)
    throw Failure{argv.front() + ": there is no such program on this machine", "no_program", "",
                  kNotFound};
  std::vector<std::string> words = argv, texts = environment(variables);
  const std::vector<char*> arguments = pointers(words), environment_of = pointers(texts);
  const Patient patient;
  const pid_t child = ::fork();
  if (child < 0) throw Failure{std::string("cannot fork: ") + std::strerror(errno), "internal", ""};
  if (child == 0) {
    patient.restore();
    std::signal(SIGPIPE, SIG_DFL);
    ::execve(program->c_str(), arguments.data(), environment_of.data());
    ::_exit(errno == ENOENT ? kNotFound : kNotFound - 1);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace gantry::cli
