#include "runtime/edge/receiver.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/files.hpp"

namespace gantry {
namespace {

using SteadyClock = std::chrono::steady_clock;
// A little less than the proxy's own second; each of its threads calls.
constexpr auto kBetweenCalls = std::chrono::milliseconds(900);
constexpr std::size_t kMostPeers = 256, kLongestCall = 64;
constexpr int kBacklog = 128;

// Who may connect is who may enter the folder.
Result<int> listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{Code::invalid, "path_too_long",
                 "a socket's path has at most 107 characters: " + path};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::chmod(path.c_str(), 0666) == 0 && ::listen(fd, kBacklog) == 0)
    return fd;
  const Error error = file_error("listen on", path);
  if (fd >= 0) ::close(fd);
  return error;
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

}  // namespace

Result<> ProxyReceiver::start(const std::string& access_socket, const std::string& wake_socket,
                              Wake wake) {
  if (thread_.joinable()) return done();
  stop();  // what a start before left half done
  const auto access = listen_on(access_socket);
  if (!access) return access.error();
  access_ = *access;
  const auto wakes = listen_on(wake_socket);
  if (!wakes) return wakes.error();
  wakes_ = *wakes;
  stop_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_ < 0) return file_error("make", "an eventfd");
  wake_ = std::move(wake);
  thread_ = std::thread([this] { run(); });
  return done();
}

void ProxyReceiver::stop() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    while (::write(stop_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
  }
  for (auto& peer : peers_) close_fd(peer.fd);
  peers_.clear();
  for (int* fd : {&access_, &wakes_, &stop_}) close_fd(*fd);
}

std::vector<ReplicaMeasure> ProxyReceiver::take() {
  std::map<ReplicaKey, Measure> taken;
  {
    const std::lock_guard guard(mutex_);
    taken.swap(measures_);
  }
  std::vector<ReplicaMeasure> measures;
  for (auto& [key, measure] : taken)
    measures.push_back({.instance_id = {}, .key = key, .measure = measure});
  return measures;
}

void ProxyReceiver::run() {
  for (;;) {
    std::vector<pollfd> fds = {{stop_, POLLIN, 0}, {access_, POLLIN, 0}, {wakes_, POLLIN, 0}};
    for (const auto& peer : peers_) fds.push_back({peer.fd, POLLIN, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents != 0) return;
    for (std::size_t i = 0; i < peers_.size(); ++i)
      if (fds[i + 3].revents != 0 && !receive(peers_[i])) close_fd(peers_[i].fd);
    std::erase_if(peers_, [](const Peer& peer) { return peer.fd < 0; });
    if (fds[1].revents != 0) accept_all(access_, false);
    if (fds[2].revents != 0) accept_all(wakes_, true);
  }
}

void ProxyReceiver::accept_all(int listener, bool wakes) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (peers_.size() >= kMostPeers) {  // the oldest has nothing to say any more
      ::close(peers_.front().fd);
      peers_.erase(peers_.begin());
    }
    peers_.push_back({fd, wakes, {}, {}});
  }
}

bool ProxyReceiver::receive(Peer& peer) {
  char buffer[65536];
  const auto n = ::recv(peer.fd, buffer, sizeof buffer, 0);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  hear(peer, {buffer, static_cast<std::size_t>(n)});
  return !peer.lines.is_broken() && peer.waiting.size() <= kLongestCall;
}

void ProxyReceiver::hear(Peer& peer, std::string_view bytes) {
  if (peer.wakes) {
    peer.waiting += bytes;
    for (auto end = peer.waiting.find('\n'); end != std::string::npos;
         end = peer.waiting.find('\n')) {
      call(peer.waiting.substr(0, end));
      peer.waiting.erase(0, end + 1);
    }
    return;
  }
  peer.lines.add(bytes);
  const std::lock_guard guard(mutex_);
  while (const auto line = peer.lines.next())
    if (const auto measured = parse_access_line(*line))
      measures_[measured->key].add(measured->measure);
}

void ProxyReceiver::call(const std::string& slot) {
  const auto now = SteadyClock::now();
  std::erase_if(called_, [&](const auto& call) { return now - call.second >= kBetweenCalls; });
  if (called_.emplace(slot, now).second) wake_(slot);
}

}  // namespace gantry
