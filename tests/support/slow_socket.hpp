// A relay in the place of a unix socket, which hands on what is said to it late. Who is connected
// already does not notice; who connects from now on goes through it. Answers are not held back.
// Runs on a thread of its own; the socket is in its place again when this goes.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace gantry::testing {

class SlowSocket {
 public:
  explicit SlowSocket(std::string path);  // throws when there is none
  ~SlowSocket();
  SlowSocket(const SlowSocket&) = delete;
  SlowSocket& operator=(const SlowSocket&) = delete;

  void delay(std::chrono::milliseconds time) { delay_ms_ = time.count(); }
  bool in_place() const;  // false: its owner has made the socket anew
  int sessions() const { return sessions_; }
  long held_bytes() const { return held_bytes_; }  // all that was handed on late

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Piece {
    Time at;
    std::string bytes;  // empty: the end
  };
  struct Session {
    int client = -1, server = -1;
    std::deque<Piece> late = {};
    bool ended = false;
  };
  void run(const std::stop_token&);
  void accept_one();
  void listen_to(Session&);
  void hand_on(Session&);

  const std::string path_, aside_;
  int listener_ = -1;
  unsigned long inode_ = 0;
  std::atomic<long> delay_ms_{0};
  std::atomic<long> held_bytes_{0};
  std::atomic<int> sessions_{0};
  std::vector<Session> open_;
  std::jthread thread_;
};

}  // namespace gantry::testing
