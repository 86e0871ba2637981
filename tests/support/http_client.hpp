// A blocking HTTP/1.1 client on the loopback for tests that talk to the real daemon and its edge:
// calls with a body, connections that are kept, and streams of server-sent events. Says why a call
// failed. One thread an object.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/loopback.hpp"

namespace gantry::testing {

struct HttpCall {
  std::string method = "GET";
  std::string path = "/";
  std::string host = "127.0.0.1";
  std::string headers = {};  // whole lines
  std::string body = {};
  int timeout_ms = 30000;
};

// A connection to 127.0.0.1:port, opened when it is needed.
class HttpConnection {
 public:
  explicit HttpConnection(int port, std::string address = "127.0.0.1")
      : port_(port), address_(std::move(address)) {}
  ~HttpConnection() { close(); }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Empty: a whole reply came. Else why not: "connect: ...", "send: ...", "timeout", "reset",
  // "closed without an answer", "truncated".
  std::string call(const HttpCall&, HttpReply& reply);
  bool open();  // false: refused; the reason is in errno
  void close();
  int fd() const { return fd_; }

 private:
  std::string read_reply(HttpReply& reply);
  int port_;
  std::string address_;
  int fd_ = -1;
};

// One call on a connection of its own; status 0 and the reason in `head` when it failed.
HttpReply http_call(int port, const HttpCall&);

struct ServerEvent {
  std::string id, event, data;
};

// Reads a stream on a thread of its own until it ends or this goes away.
class EventReader {
 public:
  EventReader(int port, const std::string& path, const std::string& headers);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;
  std::vector<ServerEvent> events() const;
  std::string head() const;
  bool ended() const { return ended_; }

 private:
  void run();
  void parse();
  int fd_ = -1;
  mutable std::mutex mutex_;
  std::string text_, head_;
  std::vector<ServerEvent> events_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

}  // namespace gantry::testing
