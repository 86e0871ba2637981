#include "tests/support/raw_peer.hpp"

#include <cstdlib>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::testing {

RawPeer::RawPeer(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval patience{10, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
}

RawPeer::RawPeer(RawPeer&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), read_(std::move(other.read_)) {}

RawPeer::~RawPeer() {
  if (fd_ >= 0) ::close(fd_);
}

bool RawPeer::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool RawPeer::fill() {
  char buffer[16384];
  const auto count = ::recv(fd_, buffer, sizeof buffer, 0);
  if (count <= 0) return false;
  read_.append(buffer, static_cast<std::size_t>(count));
  return true;
}

HttpReply RawPeer::reply() {
  HttpReply reply;
  std::size_t split = 0;
  while ((split = read_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return reply;
  reply.head = read_.substr(0, split) + "\r\n";
  read_.erase(0, split + 4);
  const std::size_t length = std::strtoul(reply.header("content-length").c_str(), nullptr, 10);
  while (read_.size() < length)
    if (!fill()) return reply;
  reply.body = read_.substr(0, length);
  read_.erase(0, length);
  reply.status = std::atoi(reply.head.c_str() + 9);
  return reply;
}

std::string RawPeer::line() {
  std::size_t end = 0;
  while ((end = read_.find("\r\n")) == std::string::npos)
    if (!fill()) return "nothing came";
  std::string text = read_.substr(0, end);
  read_.erase(0, end + 2);
  return text;
}

bool RawPeer::wait(std::chrono::milliseconds time) {
  pollfd wanted{fd_, POLLIN, 0};
  return !read_.empty() || ::poll(&wanted, 1, static_cast<int>(time.count())) > 0;
}

bool RawPeer::closed(std::chrono::milliseconds time) {
  char byte = 0;
  return wait(time) && ::recv(fd_, &byte, 1, MSG_PEEK) <= 0;
}

void RawPeer::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(std::exchange(fd_, -1));
}

}  // namespace gantry::testing
