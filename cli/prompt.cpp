#include "cli/prompt.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <termios.h>
#include <unistd.h>

#include "cli/output.hpp"

namespace gantry::cli {
namespace {

void on_interrupt(int) {}

// While it lives, Ctrl-C ends the read instead of the program, so that the terminal is set back.
class Interruptible {
 public:
  Interruptible() {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    ::sigaction(SIGINT, &action, &before_);
  }
  ~Interruptible() { ::sigaction(SIGINT, &before_, nullptr); }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  struct sigaction before_ {};
};

class Silent {
 public:
  Silent() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~Silent() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    print_error("");
  }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;

 private:
  termios before_{};
};

std::string read_line(const std::string& question) {
  const Interruptible interruptible;
  const std::string text = question + " ";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
  std::string line;
  for (char c = 0;;) {
    if (::read(STDIN_FILENO, &c, 1) <= 0) throw Failure{"cancelled", "cancelled", "", kCancelled};
    if (c == '\n') return line;
    line += c;
  }
}

}  // namespace

bool may_prompt(const Session& session) {
  return !session.json() && is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO);
}

std::string ask(const std::string& question) { return read_line(question); }

std::string ask_secret(const std::string& question) {
  const Silent silent;
  return read_line(question);
}

std::size_t ask_choice(const std::string& question, const std::vector<std::string>& choices) {
  for (std::size_t i = 0; i < choices.size(); ++i)
    print_error("  " + std::to_string(i + 1) + ") " + choices[i]);
  for (;;) {
    const std::string answer = read_line(question);
    for (std::size_t i = 0; i < choices.size(); ++i)
      if (answer == choices[i] || answer == std::to_string(i + 1)) return i;
    print_error("a number from 1 to " + std::to_string(choices.size()));
  }
}

void confirm(Session& session, const std::string& what) {
  if (session.call().has("--yes")) return;
  if (!may_prompt(session)) throw Failure{"this would " + what, "not_confirmed", "say so with -y"};
  const std::string answer = ask("This will " + what + ". Go on? [y/N]");
  if (answer != "y" && answer != "Y" && answer != "yes")
    throw Failure{"cancelled", "cancelled", "", kCancelled};
}

std::string read_stdin() {
  std::string text;
  char buffer[65536];
  for (ssize_t n; (n = ::read(STDIN_FILENO, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

}  // namespace gantry::cli
