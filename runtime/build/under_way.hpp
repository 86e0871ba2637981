// Who works on which deployment now, and which deployments are not to be worked on any more.
// Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <utility>

#include "proto/id.hpp"

namespace gantry {

class UnderWay {
 public:
  // One deployment's work; ends with the object.
  class Work {
   public:
    Work(UnderWay& all, DeploymentId id, std::stop_token stop)
        : all_(&all), id_(std::move(id)), stop_(std::move(stop)) {}
    Work(Work&& other) noexcept
        : all_(std::exchange(other.all_, nullptr)),
          id_(std::move(other.id_)),
          stop_(std::move(other.stop_)) {}
    Work& operator=(Work&&) = delete;
    ~Work() {
      if (all_ != nullptr) all_->end(id_);
    }
    const std::stop_token& stop() const { return stop_; }

   private:
    UnderWay* all_;
    DeploymentId id_;
    std::stop_token stop_;
  };

  // Nothing for a deployment that was cancelled.
  std::optional<Work> begin(const DeploymentId& id) {
    const std::scoped_lock lock(mutex_);
    if (stopped_ || cancelled_.contains(id)) return std::nullopt;
    const auto [place, added] = stops_.try_emplace(id);
    return std::optional<Work>(std::in_place, *this, id, place->second.get_token());
  }

  // Whether somebody works on it: he is told to stop.
  bool cancel(const DeploymentId& id) {
    const std::scoped_lock lock(mutex_);
    if (cancelled_.insert(id).second) order_.push_back(id);
    if (order_.size() > kRemembered) {
      cancelled_.erase(order_.front());
      order_.pop_front();
    }
    const auto found = stops_.find(id);
    if (found == stops_.end()) return false;
    found->second.request_stop();
    return true;
  }

  // Everybody is told to stop, and nobody begins any more.
  void stop() {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    for (auto& [id, stop] : stops_) stop.request_stop();
  }
  bool stopped() {
    const std::scoped_lock lock(mutex_);
    return stopped_;
  }

  bool busy(const DeploymentId& id) {
    const std::scoped_lock lock(mutex_);
    return stops_.contains(id);
  }

 private:
  // Far more than can be cancelled and still be on their way to begin().
  static constexpr std::size_t kRemembered = 8192;

  void end(const DeploymentId& id) {
    const std::scoped_lock lock(mutex_);
    stops_.erase(id);
  }

  std::mutex mutex_;
  std::map<DeploymentId, std::stop_source> stops_;
  std::set<DeploymentId> cancelled_;
  bool stopped_ = false;
  std::deque<DeploymentId> order_;
};

}  // namespace gantry
