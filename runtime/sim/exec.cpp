#include "runtime/sim/exec.hpp"

#include <deque>
#include <thread>

namespace gantry {
namespace {

constexpr std::size_t kPipeBytes = 64 * 1024;

Error broken() { return {Code::unavailable, "stream_broken", "it was cancelled"}; }

// Both directions of one program.
struct Pipes {
  std::mutex mutex;
  std::condition_variable changed;
  std::string input;
  bool input_ended = false;
  std::deque<ExecBytes> output;
  std::size_t output_bytes = 0;
  TerminalSize terminal;
  bool over = false;       // the program is
  bool cancelled = false;  // the other side is
  bool killed = false;
  int code = 0;

  void kill() {
    const std::scoped_lock lock(mutex);
    killed = true;
    changed.notify_all();
  }
};

class Io final : public SimProgramIo {
 public:
  explicit Io(std::shared_ptr<Pipes> pipes) : pipes_(std::move(pipes)) {}

  std::string read() override {
    std::unique_lock lock(pipes_->mutex);
    pipes_->changed.wait(lock, [this] {
      return !pipes_->input.empty() || pipes_->input_ended || pipes_->killed || pipes_->cancelled;
    });
    if (pipes_->killed) return "";
    std::string taken = std::exchange(pipes_->input, {});
    pipes_->changed.notify_all();
    return taken;
  }

  bool write(ExecStream stream, std::string_view bytes) override {
    std::unique_lock lock(pipes_->mutex);
    pipes_->changed.wait(lock, [this] {
      return pipes_->output_bytes < kPipeBytes || pipes_->killed || pipes_->cancelled;
    });
    if (pipes_->killed || pipes_->cancelled) return false;
    pipes_->output.push_back({stream, std::string(bytes)});
    pipes_->output_bytes += bytes.size();
    pipes_->changed.notify_all();
    return true;
  }

  TerminalSize terminal() override {
    const std::scoped_lock lock(pipes_->mutex);
    return pipes_->terminal;
  }

  void sleep() override {
    std::unique_lock lock(pipes_->mutex);
    pipes_->changed.wait(lock, [this] { return pipes_->killed; });
  }

 private:
  const std::shared_ptr<Pipes> pipes_;
};

class SimExecution final : public Execution {
 public:
  SimExecution(std::shared_ptr<Pipes> pipes, std::function<void()> on_end)
      : pipes_(std::move(pipes)), on_end_(std::move(on_end)) {}
  ~SimExecution() override {
    SimExecution::cancel();
    if (on_end_) on_end_();
  }

  Result<ExecBytes> read() override {
    std::unique_lock lock(pipes_->mutex);
    pipes_->changed.wait(
        lock, [this] { return !pipes_->output.empty() || pipes_->over || pipes_->cancelled; });
    if (pipes_->cancelled) return broken();
    if (pipes_->output.empty()) return ExecBytes{};
    ExecBytes bytes = std::move(pipes_->output.front());
    pipes_->output.pop_front();
    pipes_->output_bytes -= bytes.bytes.size();
    pipes_->changed.notify_all();
    return bytes;
  }

  Result<> write(std::string_view bytes) override {
    std::unique_lock lock(pipes_->mutex);
    pipes_->changed.wait(lock, [this] {
      return pipes_->input.size() < kPipeBytes || pipes_->over || pipes_->cancelled;
    });
    if (pipes_->cancelled) return broken();
    if (pipes_->over || pipes_->input_ended)
      return Error{Code::conflict, "input_closed", "the program has ended"};
    pipes_->input += bytes;
    pipes_->changed.notify_all();
    return done();
  }

  Result<> close_input() override {
    const std::scoped_lock lock(pipes_->mutex);
    pipes_->input_ended = true;
    pipes_->changed.notify_all();
    return done();
  }

  Result<> resize(const TerminalSize& size) override {
    const std::scoped_lock lock(pipes_->mutex);
    pipes_->terminal = size;
    return done();
  }

  Result<int> exit_code() override {
    const std::scoped_lock lock(pipes_->mutex);
    return pipes_->killed ? 137 : pipes_->code;
  }

  void cancel() override {
    const std::scoped_lock lock(pipes_->mutex);
    pipes_->cancelled = pipes_->input_ended = true;
    pipes_->changed.notify_all();
  }

  void kill() override { pipes_->kill(); }

 private:
  const std::shared_ptr<Pipes> pipes_;
  const std::function<void()> on_end_;
};

}  // namespace

struct SimExec::State {
  std::mutex mutex;
  std::map<std::string, SimProgram> programs;
  std::map<std::string, std::vector<std::weak_ptr<Pipes>>> containers;  // that run
  std::size_t one_offs = 0, left = 0;
  std::vector<std::thread> threads;
  std::vector<std::weak_ptr<Pipes>> all;

  // REQUIRES: `mutex` is held
  Result<std::shared_ptr<Pipes>> start(const std::vector<std::string>& argv, bool input,
                                       const std::optional<TerminalSize>& terminal) {
    const auto program = programs.find(argv.front());
    if (program == programs.end())
      return Error{Code::invalid, "start_failed", "there is no program " + argv.front()};
    auto pipes = std::make_shared<Pipes>();
    pipes->input_ended = !input;
    if (terminal) pipes->terminal = *terminal;
    all.push_back(pipes);
    threads.emplace_back([pipes, argv, run = program->second] {
      Io io(pipes);
      const int code = run(io, argv);
      const std::scoped_lock lock(pipes->mutex);
      pipes->code = code;
      pipes->over = true;
      pipes->changed.notify_all();
    });
    return pipes;
  }
};

SimExec::SimExec() : state_(std::make_shared<State>()) {}

SimExec::~SimExec() {
  for (const auto& each : state_->all)
    if (const auto pipes = each.lock()) pipes->kill();
  for (std::thread& thread : state_->threads) thread.join();
}

void SimExec::add_program(const std::string& name, SimProgram program) {
  const std::scoped_lock lock(state_->mutex);
  state_->programs[name] = std::move(program);
}

void SimExec::add_container(const std::string& id) {
  const std::scoped_lock lock(state_->mutex);
  state_->containers[id];
}

void SimExec::kill_container(const std::string& id) {
  const std::scoped_lock lock(state_->mutex);
  for (const auto& each : state_->containers[id])
    if (const auto pipes = each.lock()) pipes->kill();
  state_->containers.erase(id);
}

std::size_t SimExec::one_offs() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->one_offs + state_->left;
}

void SimExec::leave_one_off() {
  const std::scoped_lock lock(state_->mutex);
  ++state_->left;
}

Result<std::unique_ptr<Execution>> SimExec::exec(const ExecSpec& spec) {
  const std::scoped_lock lock(state_->mutex);
  const auto container = state_->containers.find(spec.container_id);
  if (container == state_->containers.end()) return not_found("container " + spec.container_id);
  auto pipes = state_->start(spec.command, spec.input, spec.terminal);
  if (!pipes) return pipes.error();
  container->second.push_back(*pipes);
  return std::unique_ptr<Execution>(std::make_unique<SimExecution>(*pipes, nullptr));
}

Result<std::unique_ptr<Execution>> SimExec::run(const OneOffSpec& spec) {
  const std::scoped_lock lock(state_->mutex);
  auto pipes = state_->start(spec.command, spec.input, spec.terminal);
  if (!pipes) return pipes.error();
  ++state_->one_offs;
  return std::unique_ptr<Execution>(
      std::make_unique<SimExecution>(*pipes, [state = state_, pipes = *pipes] {
        pipes->kill();
        const std::scoped_lock held(state->mutex);
        --state->one_offs;
      }));
}

Result<int> SimExec::sweep_one_offs(Duration) {
  const std::scoped_lock lock(state_->mutex);
  return static_cast<int>(std::exchange(state_->left, 0));
}

}  // namespace gantry
