// Logs in memory, for the API's tests.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>

#include "runtime/logs.hpp"

namespace gantry::testing {

class FakeLogs : public Logs {
 public:
  void append(const InstanceId& instance_id, const ReplicaKey& key, TimePoint at, bool is_error,
              std::string text) override {
    std::vector<std::function<void(const LogLine&)>> sinks;
    LogLine line{
        .sequence = 0, .at = at, .key = key, .is_error = is_error, .text = std::move(text)};
    {
      const std::scoped_lock lock(mutex_);
      line.sequence = ++sequence_;
      lines_[instance_id].push_back(line);
      for (const auto& [id, follower] : followers_)
        if (follower.first == instance_id) sinks.push_back(follower.second);
    }
    for (const auto& sink : sinks) sink(line);
  }
  std::optional<TimePoint> newest(const InstanceId&, const ReplicaKey&) override {
    return std::nullopt;
  }
  void remove(const InstanceId& instance_id) override { lines_.erase(instance_id); }

  Result<std::vector<LogLine>> read(const LogQuery& query) override {
    const std::scoped_lock lock(mutex_);
    std::vector<LogLine> found;
    for (const LogLine& line : lines_[query.instance_id])
      if ((!query.since || line.at >= *query.since) &&
          (!query.deployment_id || line.key.deployment_id == *query.deployment_id) &&
          (!query.replica_id || line.key.id() == *query.replica_id))
        found.push_back(line);
    if (found.size() > static_cast<std::size_t>(query.limit))
      found.erase(found.begin(), found.end() - query.limit);
    return found;
  }
  std::shared_ptr<void> follow(const InstanceId& instance_id,
                               std::function<void(const LogLine&)> sink) override {
    const std::scoped_lock lock(mutex_);
    const int id = ++next_;
    followers_[id] = {instance_id, std::move(sink)};
    return {nullptr, [this, id](void*) {
              const std::scoped_lock inner(mutex_);
              followers_.erase(id);
            }};
  }

 private:
  std::mutex mutex_;
  std::uint64_t sequence_ = 0;
  int next_ = 0;
  std::map<InstanceId, std::vector<LogLine>> lines_;
  std::map<int, std::pair<InstanceId, std::function<void(const LogLine&)>>> followers_;
};

}  // namespace gantry::testing
