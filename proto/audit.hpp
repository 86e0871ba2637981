// The audit log: who did what, and who was refused. A port beside Store, in the same database. Rows
// are only ever added: by the database for every event that somebody caused, by note() for the
// rest; and, where the operator has set how long they are kept, removed by the daemon alone, which
// leaves a row about that. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/model.hpp"

namespace gantry {

// Ids are empty where there is none; names are those of then.
struct AuditEntry {
  std::int64_t seq = 0;  // ascends
  TimePoint at{};
  bool refused = false;
  std::string action;  // an event's type; "request" for what has none
  std::string token_id = {}, token_name = {};
  std::string user_id = {}, user_name = {};
  std::string request_id = {};
  std::string project_id = {}, environment_id = {}, service_id = {}, deployment_id = {};
  std::string message = {};
};
void append_json(std::string& out, const AuditEntry&);  // a line of an export

struct AuditFilter {
  std::string project_id = {};  // empty: all
  std::optional<TimePoint> since = {};
  std::optional<TimePoint> until = {};  // not that moment itself
};

class Audit {
 public:
  virtual ~Audit() = default;

  // Never waits for the database: a thread writes it soon, and read() writes it first. Of a flood
  // only a part is kept, and a row that says how much is not.
  virtual void note(AuditEntry) = 0;
  // Newest first, below `before` (0: from the newest).
  virtual Result<std::vector<AuditEntry>> read(const AuditFilter&, std::int64_t before,
                                               int limit) = 0;
};

}  // namespace gantry
