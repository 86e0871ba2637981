// A program in a container, over its hijacked connection. Owned by whoever called Exec; what the
// parts share lives as long as they do.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "runtime/docker/engine_socket.hpp"
#include "runtime/exec.hpp"

namespace gantry::docker {

// How the two kinds differ: a program in a container that runs anyway, and one with its own.
class Program {
 public:
  virtual ~Program() = default;  // what is its alone goes with it
  virtual Result<> resize(const TerminalSize&) = 0;
  // nullopt: it goes on, without its output.
  virtual Result<std::optional<int>> exit_code() = 0;
  virtual void kill() = 0;
};

class DockerExecution final : public Execution {
 public:
  DockerExecution(std::unique_ptr<EngineSocket> socket, std::unique_ptr<Program> program,
                  bool multiplexed);

  Result<ExecBytes> read() override;
  Result<> write(std::string_view bytes) override { return socket_->write(bytes); }
  Result<> close_input() override;
  Result<> resize(const TerminalSize& size) override { return program_->resize(size); }
  Result<int> exit_code() override;
  void cancel() override;
  void kill() override { program_->kill(); }

 private:
  Result<bool> fill();
  bool take_head();

  std::unique_ptr<Program> program_;
  std::unique_ptr<EngineSocket> socket_;
  const bool multiplexed_;
  std::atomic<bool> cancelled_{false};
  // What was read and not given yet: buffer_[begin_, end_).
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
  ExecStream stream_ = ExecStream::out;
  std::size_t left_ = 0;  // of the frame
};

}  // namespace gantry::docker
