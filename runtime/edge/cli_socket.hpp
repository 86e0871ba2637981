// HAProxy's command line over a unix socket: the persistent, prompted session of a worker and the
// one-shot questions to the master. Blocks with a time limit; not thread-safe. Commands come from
// validated words and hold no line end.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "proto/result.hpp"

namespace gantry {

class CliSocket {
 public:
  CliSocket() = default;
  ~CliSocket() { close(); }
  CliSocket(const CliSocket&) = delete;
  CliSocket& operator=(const CliSocket&) = delete;

  bool is_open() const { return fd_ >= 0; }
  void close();
  // Code::unavailable "edge_unreachable", here and below; ask() closes the session on any error.
  Result<> open(const std::string& path);
  // The answer without the prompt and the line ends before it.
  Result<std::string> ask(const std::string& command);
  // One answer for each, sent together: a round trip in all and not one each.
  Result<std::vector<std::string>> ask_all(const std::vector<std::string>& commands);

 private:
  Result<std::string> read_answer();
  int fd_ = -1;
  std::string received_;  // behind the last answer
};

struct MasterAnswer {
  std::string text;
  pid_t peer = 0;  // who listens on the socket, as the kernel says
};
// Asks, closes the sending side and reads to the end: the master's socket does not close by itself.
Result<MasterAnswer> ask_master(const std::string& path, const std::string& command);

}  // namespace gantry
