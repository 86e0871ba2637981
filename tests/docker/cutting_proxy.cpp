#include "tests/docker/cutting_proxy.hpp"

#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry::testing {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

bool pass_on(int to, const char* data, ssize_t bytes) {
  while (bytes > 0) {
    const ssize_t n = ::send(to, data, static_cast<std::size_t>(bytes), MSG_NOSIGNAL);
    if (n <= 0) return false;
    data += n;
    bytes -= n;
  }
  return true;
}

std::string next_path() {
  static std::atomic<int> next = 0;
  return "/tmp/gantry-proxy-" + std::to_string(::getpid()) + "-" + std::to_string(next++) + ".sock";
}

}  // namespace

CuttingProxy::CuttingProxy(std::string engine_socket)
    : engine_(std::move(engine_socket)), path_(next_path()) {
  const sockaddr_un address = address_of(path_);
  ::unlink(path_.c_str());
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  (void)!::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::listen(listener_, 64);
  acceptor_ = std::thread([this] { accept_all(); });
}

CuttingProxy::~CuttingProxy() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  drop_all();
  for (std::thread& thread : threads_) thread.join();
  ::close(listener_);
  ::unlink(path_.c_str());
}

void CuttingProxy::cut_reply_to(const std::string& text) {
  const std::scoped_lock lock(mutex_);
  cut_ = text;
}

void CuttingProxy::drop_all() {
  const std::scoped_lock lock(mutex_);
  for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
}

bool CuttingProxy::is_to_be_cut(const std::string& request) {
  const std::scoped_lock lock(mutex_);
  if (cut_.empty() || request.substr(0, request.find('\n')).find(cut_) == std::string::npos)
    return false;
  cut_.clear();
  return true;
}

void CuttingProxy::accept_all() {
  for (;;) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0 || stopping_) return;
    const std::scoped_lock lock(mutex_);
    open_.insert(client);
    threads_.emplace_back([this, client] { serve(client); });
  }
}

void CuttingProxy::serve(int client) {
  const sockaddr_un address = address_of(engine_);
  const int engine = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  (void)!::connect(engine, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  bool cut = false;
  char block[65536];
  for (bool open = true; open;) {
    pollfd ends[2] = {{client, POLLIN, 0}, {engine, POLLIN, 0}};
    ::poll(ends, 2, -1);
    for (int i = 0; i < 2 && open; ++i) {
      if (ends[i].revents == 0) continue;
      const ssize_t n = ::read(ends[i].fd, block, sizeof block);
      if (n <= 0) open = false;
      if (!open || silent_) continue;
      if (i == 0 && is_to_be_cut(std::string(block, static_cast<std::size_t>(n)))) cut = true;
      if (i == 1 && cut) {
        ++cuts_;
        open = false;
      } else {
        open = pass_on(i == 0 ? engine : client, block, n);
      }
    }
  }
  ::close(engine);
  const std::scoped_lock lock(mutex_);
  open_.erase(client);
  ::close(client);
}

}  // namespace gantry::testing
