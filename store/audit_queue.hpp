// Lines of the audit log on their way to the database: bounded, and thinned out where strangers
// would fill it. Thread-safe. Never does SQL.
#pragma once

#include <mutex>
#include <vector>

#include "proto/audit.hpp"

namespace gantry {

class AuditQueue {
 public:
  void add(AuditEntry);
  // What waits, in order; with it, once a minute, a line that says how many were left out.
  std::vector<AuditEntry> take(TimePoint now);
  // What could not be written, back to its place.
  void give_back(std::vector<AuditEntry>);
  bool empty() const;

 private:
  bool has_room(const AuditEntry&);

  mutable std::mutex mutex_;
  std::vector<AuditEntry> waiting_;
  std::int64_t left_out_ = 0;
  TimePoint told_at_{};
  double strangers_ = 0;  // lines without a known token, leaking away by time
  TimePoint leaked_at_{};
};

}  // namespace gantry
