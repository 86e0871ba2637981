// A WebSocket to the server, by libcurl's connection (its TLS, its certificates). Any thread may
// receive while another one sends.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "proto/session_wire.hpp"

namespace gantry::cli {

class WebSocket {
 public:
  // Connects and shakes hands. Throws Failure: "unreachable", or what the server answered.
  WebSocket(const std::string& server_url, const std::string& path);
  ~WebSocket();
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  // Waits for some bytes; 0: the server is gone.
  std::size_t receive(std::span<char> to);
  // False: the server is gone. The bytes are masked in place.
  bool send(Channel, std::span<char> bytes);
  bool send(const SessionControl&);
  bool send_pong(std::string_view payload);
  // receive() and send() that wait come back as if the server were gone.
  void cancel();

 private:
  struct Connection;
  void shake_hands(const std::string& host, const std::string& path);
  bool wait_for(short events) const;
  bool send_all(std::string_view bytes);
  bool send_frame(websocket::Opcode, std::string_view first, std::span<char> second);

  std::unique_ptr<Connection> connection_;
  int descriptor_ = -1;
  std::mutex connection_mutex_;  // libcurl's handle: each call is short
  std::mutex sending_;           // a frame is whole
  std::string early_;            // came with the handshake's answer
};

}  // namespace gantry::cli
