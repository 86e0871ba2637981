#include "runtime/docker/execution.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

namespace gantry::docker {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr Duration kFirstLook = std::chrono::milliseconds(3);
constexpr Duration kLastLook = std::chrono::milliseconds(200);
constexpr std::size_t kHead = 8;  // of a frame: stream, 3 zeroes, 4 bytes of length

}  // namespace

DockerExecution::DockerExecution(std::unique_ptr<EngineSocket> socket,
                                 std::unique_ptr<Program> program, bool multiplexed)
    : program_(std::move(program)), socket_(std::move(socket)), multiplexed_(multiplexed) {
  buffer_.resize(kBufferBytes);
}

Result<> DockerExecution::close_input() {
  socket_->end_input();
  return done();
}

void DockerExecution::cancel() {
  cancelled_ = true;
  socket_->cancel();
}

Result<int> DockerExecution::exit_code() {
  for (Duration pause = kFirstLook; !cancelled_; pause = std::min(pause * 2, kLastLook)) {
    const auto code = program_->exit_code();
    if (!code) return code.error();
    if (*code) return **code;
    std::this_thread::sleep_for(pause);
  }
  return Error{Code::unavailable, "stream_broken", "it was cancelled"};
}

// More bytes behind those that are there; false at the end.
Result<bool> DockerExecution::fill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const auto got = socket_->read(buffer_.data() + end_, buffer_.size() - end_);
  if (!got) return got.error();
  end_ += *got;
  // The engine goes on waiting for input that nobody reads any more: whoever writes it comes back.
  if (*got == 0) socket_->end_input();
  return *got > 0;
}

bool DockerExecution::take_head() {
  if (end_ - begin_ < kHead) return false;
  const char* head = buffer_.data() + begin_;
  for (std::size_t i = 4; i < kHead; ++i) left_ = left_ << 8 | static_cast<unsigned char>(head[i]);
  stream_ = head[0] == 2 ? ExecStream::error : ExecStream::out;
  begin_ += kHead;
  return true;
}

// Bytes of one stream, as many as are there.
Result<ExecBytes> DockerExecution::read() {
  ExecBytes out;
  if (!multiplexed_) {
    const auto more = fill();
    if (!more) return more.error();
    out.bytes.assign(buffer_.data(), end_);
    begin_ = end_ = 0;
    return out;
  }
  for (;;) {
    while (left_ == 0 && take_head()) {
    }
    if (left_ > 0 && begin_ < end_) {
      if (!out.bytes.empty() && out.stream != stream_) return out;
      const std::size_t size = std::min(left_, end_ - begin_);
      out.stream = stream_;
      out.bytes.append(buffer_, begin_, size);
      begin_ += size;
      left_ -= size;
      continue;
    }
    if (!out.bytes.empty()) return out;
    const auto more = fill();
    if (!more) return more.error();
    if (!*more) return ExecBytes{};
  }
}

}  // namespace gantry::docker
