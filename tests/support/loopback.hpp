// A tiny HTTP server and client on the loopback for tests of what talks to the network. One thread
// accepts, one serves each connection (one request each, then it closes unless asked to hold).
// Never used outside tests.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gantry {

// A port of 127.0.0.1 that was free a moment ago.
int free_port();

class LoopbackServer {
 public:
  // From a request's head to the whole answer; the connection is closed after it, unless the answer
  // has the header "X-Hold": then by the peer.
  using Answer = std::function<std::string(const std::string& request)>;
  struct Silent {};  // accepts and never answers

  explicit LoopbackServer(Answer answer);
  explicit LoopbackServer(Silent);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;

  int port() const { return port_; }

 private:
  void accept_all();
  void serve(int fd);

  Answer answer_;  // empty: silent
  int port_ = 0;   // before listener_, which sets it
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<std::thread> threads_;
  std::vector<int> connections_;
  std::thread acceptor_;
};

// An answer with a length and "Connection: close".
std::string http_answer(int status, const std::string& body);

struct HttpReply {
  int status = 0;  // 0: no whole answer came
  std::string head;
  std::string body;
  std::string header(const std::string& name) const;  // name in lower case; empty when absent
};

// A connection that stays: sends, and returns once the answer's head has come. -1: none came.
int http_open(int port, const std::string& request);

// One request on a connection of its own.
HttpReply http_get(int port, const std::string& host, const std::string& path = "/",
                   const std::string& extra_headers = "");

}  // namespace gantry
