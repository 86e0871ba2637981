// One session: carries bytes between a client and a program or a port, until either side ends. Two
// threads, one for each direction, so that who does not read stops who writes; at most 64 KiB in
// each are on their way.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "daemon/peer_socket.hpp"
#include "runtime/exec.hpp"

namespace gantry {

class Carrier {
 public:
  explicit Carrier(std::unique_ptr<PeerSocket> peer) : peer_(std::move(peer)) {}

  PeerSocket& peer() { return *peer_; }
  // Tells the client that it runs, carries, and gives how it ended: "exit code 3", "the client
  // left", "the port was closed". REQUIRES: called once; the handshake is done.
  std::string carry(std::unique_ptr<Execution>);
  // Tells the client why there is nothing to carry.
  void refuse(const Error&);
  // From any thread: both ends are let go of, and the program is killed.
  void cancel(const std::string& why);

 private:
  void carry_in();
  Result<> take(Channel, std::string_view bytes);
  Result<> take(const SessionControl&);
  Result<> carry_out();
  void conclude(const Result<>& carried);
  void end_far();

  const std::unique_ptr<PeerSocket> peer_;
  std::mutex mutex_;
  std::unique_ptr<Execution> far_;  // set once, under the lock
  std::string outcome_;
  std::condition_variable gone_;
  bool inward_over_ = false;
  bool cancelled_ = false;
  std::atomic<bool> ended_{false};  // the far end has: what the client still sends is dropped
  std::atomic<bool> input_over_{false}, killed_{false};
};

}  // namespace gantry
