// A program in a container with its input and its output.
#include <thread>

#include "runtime/backup/copy.hpp"

namespace gantry {
namespace {

constexpr std::size_t kOutputMax = 4 * 1024 * 1024;
constexpr std::size_t kTail = 2048;

// All of the input, then its end. A program that reads no more says why by its exit code.
Result<> feed(Execution& execution, ByteSource& input) {
  while (true) {
    const auto piece = input.read();
    if (!piece) return piece.error();
    if (piece->empty()) break;
    if (const auto taken = execution.write(*piece); !taken) {
      if (taken.error().reason == "input_closed") return done();
      return taken;
    }
  }
  return execution.close_input();
}

struct Output {
  std::string out, tail;
  Result<> end = done();
};

void drain(Execution& execution, Output& output) {
  while (true) {
    const auto bytes = execution.read();
    if (!bytes) {
      output.end = bytes.error();
      return;
    }
    if (bytes->bytes.empty()) return;
    if (bytes->stream == ExecStream::out && output.out.size() < kOutputMax)
      output.out += bytes->bytes;
    output.tail += bytes->bytes;
    if (output.tail.size() > kTail) output.tail.erase(0, output.tail.size() - kTail);
  }
}

}  // namespace

Result<std::string> run_in(Exec& exec, const ExecSpec& spec, const std::string& what,
                           ByteSource* input, std::stop_token stop) {
  ExecSpec wanted = spec;
  wanted.input = input != nullptr;
  auto started = exec.exec(wanted);
  if (!started) return started.error();
  return finish_run(**started, what, input, std::move(stop));
}

Result<std::string> finish_run(Execution& execution, const std::string& what, ByteSource* input,
                               std::stop_token stop) {
  const std::stop_callback cancel(stop, [&] { break_off(execution); });
  Output output;
  Result<> fed = done();
  {
    // It may write while it still reads: who only wrote would wait for ever.
    std::jthread reader([&] { drain(execution, output); });
    if (input != nullptr) fed = feed(execution, *input);
    // Half of a dump must not look like a whole one.
    if (!fed) break_off(execution);
  }
  if (stop.stop_requested())
    return Error{Code::unavailable, "interrupted", "the daemon stopped meanwhile"};
  if (!fed) return fed.error();
  if (!output.end) return output.end.error();
  const auto code = execution.exit_code();
  if (!code) return code.error();
  if (*code == 0) return output.out;
  while (output.tail.ends_with('\n')) output.tail.pop_back();
  return Error{Code::conflict, "program_failed",
               what + " ended with exit code " + std::to_string(*code) +
                   (output.tail.empty() ? "" : ": " + output.tail)};
}

}  // namespace gantry
