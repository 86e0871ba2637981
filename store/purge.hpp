// How much history is kept: events and remembered answers. Deletes in small transactions, oldest
// first, so that writers never wait long; a reader whose cursor was purged goes on at the oldest
// event that is left.
#pragma once

#include <chrono>
#include <cstdint>

#include <pqxx/pqxx>

#include "proto/result.hpp"
#include "proto/time.hpp"

namespace gantry {

inline constexpr std::chrono::hours kIdempotencyKept{24};

struct HistoryLimits {
  std::chrono::hours events_kept{30 * 24};
  std::int64_t events_max = 1'000'000;
  int batch = 5'000;     // rows a transaction
  int batches_max = 40;  // a run
};

enum class Purged { all, some };  // some: the run's share was done, more is due

// Throws what libpqxx throws.
Purged purge_history(pqxx::connection&, TimePoint now, const HistoryLimits& = {});

}  // namespace gantry
