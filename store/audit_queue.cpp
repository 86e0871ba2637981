#include "store/audit_queue.hpp"

#include <algorithm>
#include <iterator>

namespace gantry {
namespace {

constexpr std::size_t kWaitingMax = 2000;
// Of strangers: so many at once, so many a second.
constexpr double kStrangersMax = 100;
constexpr double kStrangersPerSecond = 1;
constexpr std::chrono::minutes kTold{1};

}  // namespace

bool AuditQueue::has_room(const AuditEntry& entry) {
  if (waiting_.size() >= kWaitingMax) return false;
  if (!entry.token_id.empty() || !entry.refused) return true;
  const std::chrono::duration<double> gone = entry.at - leaked_at_;
  leaked_at_ = entry.at;
  strangers_ = std::max(0.0, strangers_ - std::max(0.0, gone.count()) * kStrangersPerSecond);
  if (strangers_ >= kStrangersMax) return false;
  strangers_ += 1;
  return true;
}

void AuditQueue::add(AuditEntry entry) {
  const std::scoped_lock lock(mutex_);
  if (has_room(entry))
    waiting_.push_back(std::move(entry));
  else
    ++left_out_;
}

std::vector<AuditEntry> AuditQueue::take(TimePoint now) {
  const std::scoped_lock lock(mutex_);
  std::vector<AuditEntry> taken;
  taken.swap(waiting_);
  if (left_out_ > 0 && now - told_at_ >= kTold) {
    taken.push_back({.at = now,
                     .refused = true,
                     .action = "audit.left_out",
                     .message = std::to_string(left_out_) +
                                " more requests were refused than are listed one by one"});
    left_out_ = 0;
    told_at_ = now;
  }
  return taken;
}

void AuditQueue::give_back(std::vector<AuditEntry> entries) {
  const std::scoped_lock lock(mutex_);
  waiting_.insert(waiting_.begin(), std::make_move_iterator(entries.begin()),
                  std::make_move_iterator(entries.end()));
  while (waiting_.size() > kWaitingMax) {
    waiting_.pop_back();
    ++left_out_;
  }
}

bool AuditQueue::empty() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.empty() && left_out_ == 0;
}

}  // namespace gantry
