// A client's connection once it speaks WebSocket, from the daemon's side. Blocking: one thread
// reads, any may send; cancel() from any. Holds nothing beyond what a caller gave it to send.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "proto/session_wire.hpp"
#include "proto/time.hpp"

namespace gantry {

class PeerSocket {
 public:
  // Owns the descriptor. `early`: what came behind the request's head.
  PeerSocket(int descriptor, std::string early);
  ~PeerSocket();
  PeerSocket(const PeerSocket&) = delete;
  PeerSocket& operator=(const PeerSocket&) = delete;

  int descriptor() const { return descriptor_; }
  // Some bytes; 0: the peer is gone.
  std::size_t read(std::span<char> to);

  // Each false when the peer is gone.
  bool answer(std::string_view http_head);
  bool send(Channel, std::string_view bytes);
  bool send(const SessionControl&);
  bool send_pong(std::string_view payload);
  bool send_close(int code);
  // Nothing when somebody else is sending, or the peer does not read.
  void ping();

  // What was sent still arrives; reads wait so long at most.
  void finish(Seconds);
  void cancel();

 private:
  bool send_frame(websocket::Opcode, std::string_view first, std::string_view second);

  const int descriptor_;
  std::string early_;
  std::mutex sending_;
  std::atomic<bool> closed_{false};  // a close was sent: nothing may follow
};

}  // namespace gantry
