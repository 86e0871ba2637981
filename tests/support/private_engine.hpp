// A container engine of the test's own, for tests that stop and kill it. Needs root and dockerd.
// Everything of it is gone when this goes.
#pragma once

#include <string>

#include <sys/types.h>

namespace gantry::testing {

class PrivateEngine {
 public:
  PrivateEngine();  // started, with the test images
  ~PrivateEngine();
  PrivateEngine(const PrivateEngine&) = delete;
  PrivateEngine& operator=(const PrivateEngine&) = delete;

  const std::string& socket() const { return socket_; }
  void stop(int signal);  // and waits for its end
  void start();           // and waits until it answers; throws when it does not

 private:
  bool answers() const;
  std::string directory_, socket_, bridge_;
  pid_t pid_ = 0;
};

}  // namespace gantry::testing
