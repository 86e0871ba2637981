#include "tests/support/tcp_echo.hpp"

#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace gantry {
namespace {

sockaddr_in address_of(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

int listen_at(const std::string& host, int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto address = address_of(host, port);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::listen(fd, 128) == 0)
    return fd;
  ::close(fd);
  return -1;
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

TcpEcho::TcpEcho(const std::string& host, int port, std::string name)
    : name_(std::move(name)), listener_(listen_at(host, port)) {
  if (listener_ < 0) throw std::runtime_error("cannot listen on " + host);
  acceptor_ = std::thread([this] { accept_all(); });
}

TcpEcho::~TcpEcho() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int fd : connections_) ::shutdown(fd, SHUT_RDWR);
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  for (auto& thread : threads_) thread.join();
  for (const int fd : connections_) ::close(fd);
}

void TcpEcho::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (stopping_ || fd < 0) {
      if (fd >= 0) ::close(fd);
      return;
    }
    connections_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void TcpEcho::serve(int fd) const {
  if (!send_all(fd, name_ + "\n")) return;
  std::string piece(65536, '\0');
  for (;;) {
    const auto n = ::recv(fd, piece.data(), piece.size(), 0);
    if (n <= 0 || !send_all(fd, piece.substr(0, static_cast<std::size_t>(n)))) break;
  }
  ::shutdown(fd, SHUT_RDWR);
}

int listen_on(int port) { return listen_at("127.0.0.1", port); }

EchoClient::EchoClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval limit{5, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  auto address = address_of("127.0.0.1", port);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
  for (char c = 0; ::recv(fd_, &c, 1, 0) == 1 && c != '\n';) name_ += c;
}

EchoClient::~EchoClient() { ::close(fd_); }

bool EchoClient::echoes(const std::string& bytes) {
  bool sent = false;
  std::thread sender([&] { sent = send_all(fd_, bytes); });
  std::string back;
  std::string piece(65536, '\0');
  while (back.size() < bytes.size()) {
    const auto n = ::recv(fd_, piece.data(), piece.size(), 0);
    if (n <= 0) break;
    back.append(piece, 0, static_cast<std::size_t>(n));
  }
  if (back.size() < bytes.size()) ::shutdown(fd_, SHUT_RDWR);
  sender.join();
  return sent && back == bytes;
}

}  // namespace gantry
