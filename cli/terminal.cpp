#include "cli/terminal.hpp"

#include <csignal>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace gantry::cli {
namespace {

// Signal handlers reach nothing else.
int wake_pipe[2] = {-1, -1};
termios before{};

void on_resize(int) { (void)!::write(wake_pipe[1], "w", 1); }

void on_end(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

constexpr int kEndings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

}  // namespace

SessionControl::Size terminal_size() {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {.columns = size.ws_col, .rows = size.ws_row};
}

RawTerminal::RawTerminal() {
  (void)!::pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK);
  ::tcgetattr(STDIN_FILENO, &before);
  for (const int signal : kEndings) handle(signal, on_end);
  handle(SIGWINCH, on_resize);
  termios raw = before;
  ::cfmakeraw(&raw);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

RawTerminal::~RawTerminal() {
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
  handle(SIGWINCH, SIG_DFL);
  for (const int signal : kEndings) handle(signal, SIG_DFL);
  ::close(wake_pipe[0]);
  ::close(wake_pipe[1]);
}

int RawTerminal::wake() const { return wake_pipe[0]; }

}  // namespace gantry::cli
