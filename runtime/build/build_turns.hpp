// So many builds at once, the others one after the other as they came. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace gantry {

class BuildTurns {
 public:
  explicit BuildTurns(int at_once) : free_(at_once) {}

  // Given back when it ends.
  class Turn {
   public:
    explicit Turn(BuildTurns& turns) : turns_(&turns) {}
    Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_ != nullptr) turns_->give_back();
    }

   private:
    BuildTurns* turns_;
  };

  // Waits for a turn; nothing when it was stopped before. `waits` is called once, and only when
  // there is something to wait for.
  std::optional<Turn> take(const std::stop_token& stop, const std::function<void()>& waits) {
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = ++last_;
    queue_.push_back(ticket);
    const auto mine = [&] { return free_ > 0 && queue_.front() == ticket; };
    if (!mine()) {
      lock.unlock();
      waits();
      lock.lock();
    }
    const bool got = changed_.wait(lock, stop, mine) && !stop.stop_requested();
    std::erase(queue_, ticket);
    if (got) --free_;
    changed_.notify_all();
    if (!got) return std::nullopt;
    return std::optional<Turn>(std::in_place, *this);
  }

 private:
  void give_back() {
    const std::scoped_lock lock(mutex_);
    ++free_;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::uint64_t> queue_;
  std::uint64_t last_ = 0;
  int free_;
};

}  // namespace gantry
