#include "runtime/backup/workbench.hpp"

#include <mutex>
#include <thread>

namespace gantry {
namespace {

constexpr std::size_t kTail = 2048;

class OneOffThrowAway final : public ThrowAway {
 public:
  OneOffThrowAway(std::unique_ptr<Execution> execution, std::string id)
      : id_(std::move(id)), execution_(std::move(execution)), reader_([this] { drain(); }) {}
  ~OneOffThrowAway() override {
    execution_->cancel();
    reader_.join();
  }
  const std::string& container_id() const override { return id_; }
  std::string last_words() const override {
    const std::lock_guard lock(mutex_);
    return tail_;
  }

 private:
  // What nobody reads would stop it.
  void drain() {
    while (true) {
      const auto bytes = execution_->read();
      if (!bytes || bytes->bytes.empty()) return;
      const std::lock_guard lock(mutex_);
      tail_ += bytes->bytes;
      if (tail_.size() > kTail) tail_.erase(0, tail_.size() - kTail);
    }
  }

  const std::string id_;
  std::unique_ptr<Execution> execution_;
  mutable std::mutex mutex_;
  std::string tail_;
  std::thread reader_;
};

class OneOffWorkbench final : public Workbench {
 public:
  OneOffWorkbench(Exec& exec, std::function<std::string(const SessionId&)> container_of)
      : exec_(exec), container_of_(std::move(container_of)) {}
  Result<std::unique_ptr<ThrowAway>> start(const OneOffSpec& spec) override {
    auto started = exec_.run(spec);
    if (!started) return started.error();
    return std::unique_ptr<ThrowAway>(
        std::make_unique<OneOffThrowAway>(std::move(*started), container_of_(spec.session_id)));
  }

 private:
  Exec& exec_;
  const std::function<std::string(const SessionId&)> container_of_;
};

}  // namespace

std::unique_ptr<Workbench> make_workbench(
    Exec& exec, std::function<std::string(const SessionId&)> container_of) {
  return std::make_unique<OneOffWorkbench>(exec, std::move(container_of));
}

}  // namespace gantry
