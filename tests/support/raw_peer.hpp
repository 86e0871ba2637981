// A connection to the loopback that sends exactly what it is told to, and reads answers one by one.
// For what a whole client would never do. One thread an object; gives up after ten seconds.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "tests/support/loopback.hpp"

namespace gantry::testing {

class RawPeer {
 public:
  explicit RawPeer(int port);
  RawPeer(RawPeer&& other) noexcept;
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;
  ~RawPeer();

  // False when the other side is gone; what can be read may still be there.
  bool send(std::string_view bytes);
  // One answer with a Content-Length. Status 0: none came.
  HttpReply reply();
  std::string line();                           // without its end
  bool wait(std::chrono::milliseconds time);    // true: there is something to read, or the end
  bool closed(std::chrono::milliseconds time);  // true: the other side has ended it within `time`
  void reset();                                 // ends it with a reset instead of an end

 private:
  bool fill();
  int fd_ = -1;
  std::string read_;  // and not used yet
};

}  // namespace gantry::testing
