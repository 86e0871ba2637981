// The loop of a load: sockets that never block, an epoll and a queue of times. One thread.
#pragma once

#include <map>
#include <queue>
#include <stop_token>

#include "tests/support/load.hpp"

namespace gantry::testing {

class LoadLoop {
 public:
  LoadLoop(Load&, const LoadOptions&);
  ~LoadLoop();
  LoadLoop(const LoadLoop&) = delete;
  LoadLoop& operator=(const LoadLoop&) = delete;
  void run(const std::stop_token&);

 private:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  enum class Kind { request, upload, download, socket };

  // One request with its answer, or a WebSocket from its opening to its end.
  struct Exchange {
    Kind kind = Kind::request;
    int fd = -1;
    bool fresh = false;  // a connection of its own
    std::shared_ptr<Load::Phase> phase = {};
    Time intended = {};
    Time deadline = {};
    std::string out = {};
    std::string in = {};
    int pieces_left = 0;    // of an upload
    bool upgraded = false;  // a WebSocket, from here on:
    bool closing = false;
    long sent = 0, echoed = 0;
    Time ends = {};
    std::string version = {};
  };
  struct Due {
    Time at;
    std::uint64_t id = 0;
    bool operator>(const Due& other) const { return at > other.at; }
  };

  void begin(Kind, Time intended);
  bool dial(Exchange&);
  void due(std::uint64_t id, Time now);
  void ready(std::uint64_t id, unsigned events);
  bool send_out(std::uint64_t id, Exchange&);
  bool receive(std::uint64_t id, Exchange&);
  void parse(std::uint64_t id, Exchange&);
  void parse_socket(std::uint64_t id, Exchange&);
  void upgrade(std::uint64_t id, Exchange&);
  void tick_socket(std::uint64_t id, Exchange&, Time now);
  void finish(std::uint64_t id, Exchange&, int status, const std::string& body, bool keep);
  void fail(std::uint64_t id, const std::string& why, const std::string& version = "");
  void forget(std::uint64_t id);
  void watch(std::uint64_t id, const Exchange&, int operation);

  Load& load_;
  const LoadOptions& options_;
  const Time begin_;
  int poller_;
  std::uint64_t last_id_ = 0;
  int first_sockets_ = 0;
  std::map<std::uint64_t, Exchange> exchanges_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> queue_;
  std::vector<int> idle_;  // kept connections
};

}  // namespace gantry::testing
