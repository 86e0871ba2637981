#include "cli/listener.hpp"

#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/pump.hpp"

namespace gantry::cli {
namespace {

constexpr long kTimeoutSeconds = 30;
constexpr int kLookMilliseconds = 100;

int listen_on(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(fd, 128) == 0)
    return fd;
  const std::string why = std::strerror(errno);
  ::close(fd);
  throw Failure{"cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + why, "port_taken",
                "another port goes into --port"};
}

int port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

}  // namespace

Listener::Listener(Access access, TunnelTarget target, int port,
                   std::function<void(const std::string&)> note)
    : access_(std::move(access)),
      target_(std::move(target)),
      note_(std::move(note)),
      fd_(listen_on(port)),
      port_(port_of(fd_)) {
  thread_ = std::thread([this] { accept_all(); });
}

Listener::~Listener() {
  stopping_ = true;
  thread_.join();
  ::close(fd_);
}

void Listener::accept_all() {
  while (!stopping_) {
    pollfd one{.fd = fd_, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&one, 1, kLookMilliseconds);
    bury(false);
    if (ready <= 0) continue;
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Connection& connection = connections_.emplace_back();
    connection.fd = fd;
    connection.thread = std::thread([this, &connection] {
      carry(connection.fd);
      connection.over = true;
    });
  }
  for (Connection& connection : connections_) ::shutdown(connection.fd, SHUT_RDWR);
  bury(true);
}

void Listener::bury(bool all) {
  for (auto each = connections_.begin(); each != connections_.end();) {
    const auto next = std::next(each);
    if (all || each->over) {
      each->thread.join();
      ::close(each->fd);
      connections_.erase(each);
    }
    each = next;
  }
}

void Listener::carry(int fd) {
  try {
    Client client(access_, kTimeoutSeconds);
    const Json ticket =
        client.send("POST", target_.instance_path + "/tunnel",
                    target_.port == 0 ? "{}" : "{\"port\":" + std::to_string(target_.port) + "}");
    WebSocket socket(access_.url, ticket["url"].text());
    const PumpEnd end = pump(socket, {.input = fd, .output = fd, .error_output = fd});
    if (end.error && !stopping_ && end.error->reason != "output_closed") note_(end.error->detail);
  } catch (const Failure& failure) {
    if (!stopping_) note_(failure.message);
  }
  ::shutdown(fd, SHUT_RDWR);
}

}  // namespace gantry::cli
