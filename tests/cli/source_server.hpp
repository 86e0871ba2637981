// The two requests about sources, answered as the contract says, on a port of its own. One
// connection at a time. What it is told to do wrong comes first.
#pragma once

#include <atomic>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::cli {

class SourceServer {
 public:
  // Each PUT takes the next one; none left: it behaves.
  enum class Mischief { breaks_in_the_middle, loses_its_bytes, too_large, damaged, busy, behaves };

  explicit SourceServer(std::vector<Mischief> mischief = {}) : mischief_(std::move(mischief)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), length);
    ::listen(listener_, 8);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~SourceServer() { stop(); }
  SourceServer(const SourceServer&) = delete;
  SourceServer& operator=(const SourceServer&) = delete;

  // Before what it received is looked at.
  void stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  const std::string& url() const { return url_; }
  std::map<std::string, std::string> received;  // by digest
  std::vector<std::string> offsets;             // of each PUT

 private:
  void serve() {
    while (!stopping_) {
      const int peer = ::accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      answer(peer);
      ::close(peer);
    }
  }

  void answer(int peer) {
    std::string data;
    while (data.find("\r\n\r\n") == std::string::npos)
      if (!more(peer, data)) return;
    const std::string head = data.substr(0, data.find("\r\n\r\n"));
    data.erase(0, head.size() + 4);
    const std::string path =
        head.substr(head.find(' ') + 1, head.find(" HTTP") - head.find(' ') - 1);
    const std::string digest = path.substr(path.rfind('/') + 1);
    if (head.rfind("PUT", 0) == 0) return take(peer, head, digest, std::move(data));
    if (received.count(digest) == 0) return reply(peer, 404, R"({"code":"not_found"})");
    reply(peer, 200, state(digest));
  }

  void take(int peer, const std::string& head, const std::string& digest, std::string data) {
    const auto size = static_cast<std::size_t>(std::stoll(header(head, "Content-Length: ")));
    const std::string offset = header(head, "Upload-Offset: ");
    const Mischief now = next_ < mischief_.size() ? mischief_[next_] : Mischief::behaves;
    ++next_;
    offsets.push_back(offset);
    if (now == Mischief::too_large)
      return reply(peer, 413, R"({"code":"source_too_large","detail":"at most 5 bytes"})");
    if (now == Mischief::busy)
      return reply(peer, 409, R"({"code":"upload_in_progress","detail":"wait"})");
    if (offset != std::to_string(received[digest].size()))
      return reply(peer, 409, R"({"code":"offset_mismatch","detail":"no"})");
    const std::size_t wanted = now == Mischief::breaks_in_the_middle ? size / 2 : size;
    while (data.size() < wanted)
      if (!more(peer, data)) return;
    received[digest] += data.substr(0, wanted);
    if (now == Mischief::breaks_in_the_middle) return;
    if (now == Mischief::loses_its_bytes) received[digest].resize(1);
    if (now == Mischief::damaged) {
      received.erase(digest);
      return reply(peer, 422, R"({"code":"digest_mismatch","detail":"damaged"})");
    }
    reply(peer, 201, state(digest));
  }

  static bool more(int peer, std::string& data) {
    char buffer[65536];
    const ssize_t got = ::recv(peer, buffer, sizeof buffer, 0);
    if (got > 0) data.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }

  static std::string header(const std::string& head, const std::string& name) {
    const auto at = head.find(name);
    if (at == std::string::npos) return "0";
    return head.substr(at + name.size(), head.find('\r', at) - at - name.size());
  }

  std::string state(const std::string& digest) const {
    const std::string& bytes = received.at(digest);
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    char hex[crypto_hash_sha256_BYTES * 2 + 1];
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    return R"({"digest":")" + digest + R"(","received_bytes":)" + std::to_string(bytes.size()) +
           R"(,"complete":)" + ("sha256:" + std::string(hex) == digest ? "true" : "false") + "}";
  }

  static void reply(int peer, int status, const std::string& body) {
    const std::string text = "HTTP/1.1 " + std::to_string(status) +
                             " X\r\nContent-Type: application/json\r\nConnection: close\r\n"
                             "Content-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n" + body;
    ::send(peer, text.data(), text.size(), MSG_NOSIGNAL);
    ::shutdown(peer, SHUT_WR);
    std::string rest;
    while (more(peer, rest)) rest.clear();
  }

  std::vector<Mischief> mischief_;
  std::size_t next_ = 0;
  int listener_ = -1;
  std::string url_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace gantry::cli
