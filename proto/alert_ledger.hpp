// How far alerts have been told, and which are raised: a port beside Store, in the same database.
// Every call asks the database. Thread-safe.
#pragma once

#include <set>
#include <string>

#include "proto/result.hpp"

namespace gantry {

struct AlertMark {
  std::string cursor;            // of the last event that was dealt with; empty: none ever was
  std::set<std::string> raised;  // "<event> <instance>"
};

class AlertLedger {
 public:
  virtual ~AlertLedger() = default;
  virtual Result<AlertMark> alert_mark() = 0;
  virtual Result<> keep_alert_mark(const AlertMark&) = 0;  // in one piece
};

}  // namespace gantry
