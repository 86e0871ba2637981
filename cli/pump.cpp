#include "cli/pump.hpp"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace gantry::cli {
namespace {

constexpr std::size_t kInputBlock = 64 * 1024;
constexpr std::size_t kOutputBlock = 128 * 1024;

Error closed() { return {Code::unavailable, "output_closed", "nobody reads the output any more"}; }

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EAGAIN) {
      pollfd one{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&one, 1, -1);
      continue;
    }
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return closed();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return done();
}

// The local side's thread: waits for input, for another size, and for `stop`.
class Feeder {
 public:
  Feeder(WebSocket& socket, const PumpEnds& ends) : socket_(socket), ends_(ends) {
    (void)!::pipe2(stop_, O_CLOEXEC);
  }
  ~Feeder() {
    ::close(stop_[1]);
    if (thread_.joinable()) thread_.join();
    ::close(stop_[0]);
  }
  void start() {
    thread_ = std::thread([this] { feed(); });
  }

 private:
  void feed() {
    std::string block(kInputBlock, '\0');
    bool open = ends_.input >= 0;
    if (!open) end_input();
    for (;;) {
      pollfd all[3] = {{.fd = stop_[0], .events = POLLIN, .revents = 0},
                       {.fd = open ? ends_.input : -1, .events = POLLIN, .revents = 0},
                       {.fd = ends_.wake, .events = POLLIN, .revents = 0}};
      if (::poll(all, 3, -1) < 0 && errno != EINTR) return;
      if (all[0].revents != 0) return;
      if (all[2].revents != 0 && !resize()) return;
      if (all[1].revents == 0) continue;
      const ssize_t got = ::read(ends_.input, block.data(), block.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got > 0) {
        if (!socket_.send(Channel::input, std::span(block).first(static_cast<std::size_t>(got))))
          return;
        continue;
      }
      open = false;
      if (!end_input()) return;
    }
  }

  bool end_input() {
    SessionControl control;
    control.input_end = true;
    return socket_.send(control);
  }

  bool resize() {
    char scrap[16];
    (void)!::read(ends_.wake, scrap, sizeof scrap);
    SessionControl control;
    control.resize = ends_.size();
    return socket_.send(control);
  }

  WebSocket& socket_;
  const PumpEnds& ends_;
  int stop_[2] = {-1, -1};
  std::thread thread_;
};

}  // namespace

PumpEnd pump(WebSocket& socket, const PumpEnds& ends) {
  PumpEnd end;
  Feeder feeder(socket, ends);
  SessionReader reader(
      websocket::Side::server,
      {.data =
           [&](Channel channel, std::string_view bytes) {
             return write_all(channel == Channel::error ? ends.error_output : ends.output, bytes);
           },
       .control =
           [&](const SessionControl& control) {
             if (control.started && !end.started) {
               end.started = true;
               feeder.start();
             }
             if (control.exit_code) end.exit_code = control.exit_code;
             if (control.error) end.error = control.error;
             return done();
           },
       .ping =
           [&](std::string_view payload) {
             (void)socket.send_pong(payload);
             return done();
           },
       .close =
           [] {
             return Result<>(Error{Code::unavailable, "closed", ""});
           }});
  std::string buffer(kOutputBlock, '\0');
  std::size_t kept = 0;
  while (!end.exit_code && !end.error) {
    const std::size_t got = socket.receive(std::span(buffer).subspan(kept));
    if (got == 0) break;
    const std::span<char> all(buffer.data(), kept + got);
    const auto taken = reader.feed(all);
    if (!taken) {
      if (taken.error().reason != "closed" && !end.error) end.error = taken.error();
      break;
    }
    kept = all.size() - *taken;
    std::copy(all.end() - static_cast<std::ptrdiff_t>(kept), all.end(), buffer.begin());
  }
  if (!end.exit_code && !end.error)
    end.error =
        Error{Code::unavailable, "connection_lost", "the connection to the server broke off"};
  socket.cancel();  // whoever sends, stops
  return end;
}

}  // namespace gantry::cli
