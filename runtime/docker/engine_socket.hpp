// One hijacked connection to the engine (POST with "Upgrade: tcp"): after the answer's head bytes
// go both ways. Blocking; one thread may read while another one writes; cancel() from any.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proto/result.hpp"
#include "proto/time.hpp"

namespace gantry::docker {

class EngineSocket {
 public:
  // Waits for the answer's head, `timeout` at most. Not an upgrade: as status_error().
  static Result<std::unique_ptr<EngineSocket>> open(const std::string& socket_path,
                                                    const std::string& target,
                                                    const std::string& body, Duration timeout);
  ~EngineSocket();
  EngineSocket(const EngineSocket&) = delete;
  EngineSocket& operator=(const EngineSocket&) = delete;

  // Some bytes; 0: the engine has ended. Broken off: Code::unavailable "stream_broken".
  Result<std::size_t> read(char* to, std::size_t room);
  // All of it. The engine takes no more: Code::conflict "input_closed".
  Result<> write(std::string_view);
  void end_input();
  void cancel();

 private:
  explicit EngineSocket(int fd) : fd_(fd) {}
  Result<> exchange(const std::string& request);

  const int fd_;
  std::atomic<bool> cancelled_{false};
  std::string early_;  // came with the head
};

}  // namespace gantry::docker
