// All sessions that are open: a thread starts each and carries it; one more watches them all, since
// who is blocked on a program sees no client leave. Owned by the daemon; any thread.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "api/tickets.hpp"
#include "daemon/carrier.hpp"
#include "proto/people.hpp"
#include "proto/store.hpp"
#include "runtime/exec.hpp"
#include "scheduler/desired.hpp"

namespace gantry {

struct SessionPorts {
  Store& store;
  Exec& exec;
  Driver& driver;  // pulls images
  const Clock& clock;
  const People* people = nullptr;  // none: there are no users
};

struct SessionOptions {
  DesiredOptions desired;
  int most = 64;  // at once
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class Sessions {
 public:
  Sessions(SessionPorts, SessionOptions);
  ~Sessions();  // ends them all, and waits for that
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // Room for one more: Code::unavailable "too_many_sessions" when there is none.
  Result<> reserve();
  void give_back();  // what was reserved and is not begun
  // REQUIRES: a place was reserved. Owns the descriptor from here on. `head` is the answer to the
  // client's request, `early` what it sent behind that.
  void begin(int descriptor, std::string early, std::string head, api::SessionOrder);
  int open() const;

 private:
  struct One {
    One(std::unique_ptr<PeerSocket> peer, api::SessionOrder o)
        : order(std::move(o)), carrier(std::move(peer)) {}
    const api::SessionOrder order;
    Carrier carrier;
    bool left = false;  // the watcher has seen the client go
    bool over = false;
    std::thread thread;
  };
  void run(One&, const std::string& head);
  Result<std::unique_ptr<Execution>> open_far_end(const api::SessionOrder&);
  Result<std::unique_ptr<Execution>> run_alone(const api::SessionOrder&);
  void record(const One&, const std::string& type, const std::string& message);
  void watch();
  void look_after(TimePoint now);
  bool may_go_on(const api::SessionOrder&, TimePoint now) const;
  void bury();

  const SessionPorts ports_;
  const SessionOptions options_;
  mutable std::mutex mutex_;
  std::list<One> all_;
  int reserved_ = 0;  // those in all_, too
  bool stopping_ = false;
  int wake_[2] = {-1, -1};  // a pipe: there is one more to watch
  std::thread watcher_;
};

}  // namespace gantry
