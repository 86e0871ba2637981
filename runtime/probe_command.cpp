// Health from inside the container: a program that must exit with 0. Beside it, any other prober
// for the targets that name no program.
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/exec.hpp"
#include "runtime/probe.hpp"

namespace gantry {
namespace {

constexpr std::size_t kDetailMost = 200;

// What it wrote last, as one line.
std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.pop_back();
  text.erase(0, text.rfind('\n') + 1);
  return text.substr(0, kDetailMost);
}

// Ends a program whose time is over: whoever waits for it comes back.
class Deadline {
 public:
  Deadline(Execution& execution, Duration timeout)
      : thread_([this, &execution, timeout] { wait(execution, timeout); }) {}
  ~Deadline() { finish(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  // Whether it has struck.
  bool finish() {
    {
      const std::scoped_lock lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
    return struck_;
  }

 private:
  void wait(Execution& execution, Duration timeout) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, timeout, [this] { return done_; })) return;
    struck_ = true;
    lock.unlock();
    execution.cancel();
    execution.kill();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false, struck_ = false;
  std::thread thread_;  // last: it uses everything above
};

ProbeOutcome run(Exec& exec, const ProbeTarget& target) {
  auto program =
      exec.exec({.container_id = target.container_id, .command = target.command, .input = false});
  if (!program) return {false, program.error().detail};
  Deadline deadline(**program, target.timeout);
  std::string written;
  Result<ExecBytes> bytes = ExecBytes{};
  while ((bytes = (*program)->read()) && !bytes->bytes.empty())
    if (written.size() < 64 * 1024) written += bytes->bytes;
  const auto code = bytes ? (*program)->exit_code() : Result<int>(bytes.error());
  if (deadline.finish())
    return {false,
            target.command.front() + " did not end within " +
                std::to_string(
                    std::chrono::duration_cast<std::chrono::milliseconds>(target.timeout).count()) +
                " ms"};
  if (!code) return {false, target.command.front() + ": " + code.error().detail};
  if (*code == 0) return {true, target.command.front() + " exited with code 0"};
  const std::string line = last_line(std::move(written));
  return {false, target.command.front() + " exited with code " + std::to_string(*code) +
                     (line.empty() ? "" : ": " + line)};
}

class CommandProber final : public Prober {
 public:
  CommandProber(Exec& exec, std::unique_ptr<Prober> others, int threads)
      : exec_(exec), others_(std::move(others)) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }

  ~CommandProber() override {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    for (Job& job : jobs_) job.done({false, "cancelled"});
  }

  void probe(const ProbeTarget& target, std::function<void(ProbeOutcome)> done) override {
    if (target.command.empty()) return others_->probe(target, std::move(done));
    {
      const std::scoped_lock lock(mutex_);
      jobs_.push_back({target, std::move(done)});
    }
    changed_.notify_one();
  }

 private:
  struct Job {
    ProbeTarget target;
    std::function<void(ProbeOutcome)> done;
  };

  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job.done(run(exec_, job.target));
    }
  }

  Exec& exec_;
  const std::unique_ptr<Prober> others_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Prober> make_command_prober(Exec& exec, std::unique_ptr<Prober> others,
                                            int threads) {
  return std::make_unique<CommandProber>(exec, std::move(others), threads);
}

}  // namespace gantry
