#include "runtime/edge/receiver.hpp"

#include <algorithm>
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
#include "runtime/process.hpp"

namespace gantry {
namespace {

using SteadyClock = std::chrono::steady_clock;
// A little less than the proxy's own second; each of its threads calls.
constexpr auto kBetweenCalls = std::chrono::milliseconds(900);
constexpr auto kLateLines = std::chrono::seconds(5);
constexpr std::size_t kMostPeers = 256, kLongestLine = 4096;
constexpr int kBacklog = 128, kRetryMilliseconds = 200;

int unix_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

// Nothing when the path is too long.
std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// Who may connect is who may enter the folder.
Result<int> listen_on(const std::string& path) {
  const auto address = address_of(path);
  if (!address)
    return Error{Code::invalid, "path_too_long",
                 "a socket's path has at most 107 characters: " + path};
  ::unlink(path.c_str());
  const int fd = unix_socket();
  if (fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0 &&
      ::chmod(path.c_str(), 0666) == 0 && ::listen(fd, kBacklog) == 0)
    return fd;
  const Error error = file_error("listen on", path);
  if (fd >= 0) ::close(fd);
  return error;
}

// -1: nobody listens.
int connect_to(const std::string& path) {
  const auto address = address_of(path);
  const int fd = address ? unix_socket() : -1;
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0)
    return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

void signal(int eventfd) {
  const std::uint64_t one = 1;
  while (::write(eventfd, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

}  // namespace

Result<> ProxyReceiver::start(const std::string& worker_socket, const std::string& wake_socket,
                              Wake wake) {
  if (thread_.joinable()) return done();
  stop();  // what a start before left half done
  const auto wakes = listen_on(wake_socket);
  if (!wakes) return wakes.error();
  wakes_ = *wakes;
  signal_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signal_ < 0) return file_error("make", "an eventfd");
  worker_socket_ = worker_socket;
  wake_ = std::move(wake);
  stopping_ = false;
  thread_ = std::thread([this] { run(); });
  return done();
}

void ProxyReceiver::stop() {
  if (thread_.joinable()) {
    stopping_ = true;
    signal(signal_);
    thread_.join();
  }
  for (auto& peer : peers_) close_fd(peer.fd);
  peers_.clear();
  for (int* fd : {&wakes_, &signal_}) close_fd(*fd);
}

void ProxyReceiver::attach(pid_t worker) {
  if (worker_.exchange(worker) != worker && signal_ >= 0) signal(signal_);
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
    read_worker();
    std::vector<pollfd> fds = {{signal_, POLLIN, 0}, {wakes_, POLLIN, 0}};
    for (const auto& peer : peers_) fds.push_back({peer.fd, POLLIN, 0});
    if (::poll(fds.data(), fds.size(), milliseconds_to_wait()) < 0) continue;
    std::uint64_t count = 0;
    if (fds[0].revents != 0 && ::read(signal_, &count, sizeof count) < 0) continue;
    if (stopping_) return;
    const auto now = SteadyClock::now();
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      auto& peer = peers_[i];
      const bool current = !peer.wakes && !peer.until;
      const bool over = peer.until && now >= *peer.until;
      if (over || (fds[i + 2].revents != 0 && !receive(peer))) {
        close_fd(peer.fd);
        if (current) reading_ = false;
      }
    }
    std::erase_if(peers_, [](const Peer& peer) { return peer.fd < 0; });
    if (fds[1].revents != 0) accept_calls();
  }
}

int ProxyReceiver::milliseconds_to_wait() const {
  const bool leaving = std::any_of(peers_.begin(), peers_.end(),
                                   [](const Peer& peer) { return peer.until.has_value(); });
  return leaving || (worker_ != 0 && !reading_) ? kRetryMilliseconds : -1;
}

// A worker that is new since the last one has nothing in its ring that was read already. One that
// ended our session (it was idle for long) goes on where it is.
void ProxyReceiver::read_worker() {
  const pid_t worker = worker_;
  const bool fresh = worker != read_ && read_ != 0;
  if (worker == 0 || (worker == read_ && reading_)) return;
  if (worker == read_ && !process_alive(worker, "haproxy")) return;  // the next one is attached
  const int fd = connect_to(worker_socket_);
  if (fd < 0) return;
  const std::string_view question =
      fresh ? "show events access -w\n" : "show events access -w -n\n";
  if (::send(fd, question.data(), question.size(), MSG_NOSIGNAL) < 0) {
    ::close(fd);
    return;
  }
  for (auto& peer : peers_)
    if (!peer.wakes && !peer.until) peer.until = SteadyClock::now() + kLateLines;
  peers_.push_back({fd, false});
  read_ = worker;
  reading_ = true;
}

void ProxyReceiver::accept_calls() {
  for (;;) {
    const int fd = ::accept4(wakes_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    if (peers_.size() < kMostPeers)
      peers_.push_back({fd, true});
    else
      ::close(fd);  // it will call again
  }
}

bool ProxyReceiver::receive(Peer& peer) {
  char buffer[65536];
  const auto n = ::recv(peer.fd, buffer, sizeof buffer, 0);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  hear(peer, {buffer, static_cast<std::size_t>(n)});
  return peer.waiting.size() <= kLongestLine;
}

void ProxyReceiver::hear(Peer& peer, std::string_view bytes) {
  peer.waiting += bytes;
  std::map<ReplicaKey, Measure> heard;
  std::size_t begin = 0;
  for (auto end = peer.waiting.find('\n'); end != std::string::npos;
       begin = end + 1, end = peer.waiting.find('\n', begin)) {
    const auto line = std::string_view(peer.waiting).substr(begin, end - begin);
    if (peer.wakes)
      call(std::string(line));
    else if (const auto measured = parse_access_line(line))
      heard[measured->key].add(measured->measure);
  }
  peer.waiting.erase(0, begin);
  const std::lock_guard guard(mutex_);
  for (const auto& [key, measure] : heard) measures_[key].add(measure);
}

void ProxyReceiver::call(const std::string& slot) {
  const auto now = SteadyClock::now();
  std::erase_if(called_, [&](const auto& call) { return now - call.second >= kBetweenCalls; });
  if (called_.emplace(slot, now).second) wake_(slot);
}

}  // namespace gantry
