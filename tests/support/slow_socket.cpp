#include "tests/support/slow_socket.hpp"

#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry::testing {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

unsigned long inode_of(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_ino : 0;
}

bool send_all(int fd, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

SlowSocket::SlowSocket(std::string path) : path_(std::move(path)), aside_(path_ + ".aside") {
  if (::rename(path_.c_str(), aside_.c_str()) != 0) throw std::runtime_error("no socket " + path_);
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(path_);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 64) != 0)
    throw std::runtime_error("cannot listen on " + path_);
  inode_ = inode_of(path_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

SlowSocket::~SlowSocket() {
  thread_.request_stop();
  thread_.join();
  for (const Session& session : open_) {
    ::close(session.client);
    ::close(session.server);
  }
  ::close(listener_);
  if (in_place()) ::rename(aside_.c_str(), path_.c_str());
}

bool SlowSocket::in_place() const { return inode_of(path_) == inode_; }

void SlowSocket::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> waits{{listener_, POLLIN, 0}};
    for (const Session& session : open_) {
      waits.push_back({session.ended ? -1 : session.client, POLLIN, 0});
      waits.push_back({session.server, POLLIN, 0});
    }
    ::poll(waits.data(), waits.size(), 5);
    const std::size_t count = open_.size();
    for (std::size_t i = 0; i < count; ++i) {
      Session& session = open_[i];
      if (waits[1 + 2 * i].revents != 0) listen_to(session);
      if (waits[2 + 2 * i].revents != 0) {
        char buffer[65536];
        const auto n = ::recv(session.server, buffer, sizeof buffer, 0);
        if (n <= 0 || !send_all(session.client, {buffer, static_cast<std::size_t>(n)})) {
          ::close(session.client);
          ::close(session.server);
          session.client = -1;
          continue;
        }
      }
      hand_on(session);
    }
    std::erase_if(open_, [](const Session& session) { return session.client < 0; });
    if (waits[0].revents != 0) accept_one();
  }
}

void SlowSocket::accept_one() {
  Session session;
  session.client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (session.client < 0) return;
  session.server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(aside_);
  if (::connect(session.server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(session.client);
    ::close(session.server);
    return;
  }
  ++sessions_;
  open_.push_back(std::move(session));
}

void SlowSocket::listen_to(Session& session) {
  char buffer[65536];
  const auto n = ::recv(session.client, buffer, sizeof buffer, 0);
  const std::chrono::milliseconds delay(delay_ms_.load());
  session.ended = n <= 0;
  std::string bytes(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
  if (delay.count() > 0) held_bytes_ += static_cast<long>(bytes.size());
  session.late.push_back({std::chrono::steady_clock::now() + delay, std::move(bytes)});
}

void SlowSocket::hand_on(Session& session) {
  while (!session.late.empty() && session.late.front().at <= std::chrono::steady_clock::now()) {
    const std::string bytes = std::move(session.late.front().bytes);
    session.late.pop_front();
    if (bytes.empty())
      ::shutdown(session.server, SHUT_WR);
    else
      send_all(session.server, bytes);
  }
}

}  // namespace gantry::testing
