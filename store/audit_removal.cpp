#include "store/audit_removal.hpp"

#include <stdexcept>

#include <sodium.h>

#include "store/audit_rows.hpp"
#include "store/rows.hpp"
#include "store/secrets.hpp"

namespace gantry {
namespace {

constexpr const char* kBatch = "fetch 2000 from lines";

struct Day {
  std::string from, to;  // as SQL
};

// By the first line, which a clock that was set back may have made younger than some behind it:
// those go when they are the first.
std::optional<Day> oldest_day(pqxx::work& work, TimePoint before) {
  const auto first = work.exec("select at from audit order by seq limit 1");
  if (first.empty()) return std::nullopt;
  const TimePoint from = std::chrono::floor<std::chrono::days>(time_from(first[0][0]));
  const TimePoint to = from + std::chrono::days(1);
  if (to > before) return std::nullopt;
  return Day{format_time(from), format_time(to)};
}

struct Told {
  std::int64_t lines = 0;
  std::string sha256;
};

// Piece by piece: a day may have many.
Told tell(pqxx::work& work, const Day& day) {
  Told told;
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  work.exec_params0(std::string("declare lines cursor for ") + kSelectAudit +
                        " where at >= $1 and at < $2 order by seq desc",
                    day.from, day.to);
  for (auto rows = work.exec(kBatch); !rows.empty(); rows = work.exec(kBatch)) {
    std::string text;
    for (const auto& row : rows) {
      append_json(text, audit_entry_from(row));
      text += '\n';
    }
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()),
                              text.size());
    told.lines += static_cast<std::int64_t>(rows.size());
  }
  work.exec0("close lines");
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256_final(&state, reinterpret_cast<unsigned char*>(hash.data()));
  told.sha256 = hex(hash);
  return told;
}

}  // namespace

Result<bool> remove_oldest_day(ConnectionPool& pool, TimePoint before) {
  return with_work(pool, [&](pqxx::work& work) -> Result<bool> {
    work.exec0("set local statement_timeout = '10min'");
    const auto mine =
        work.exec1("select pg_try_advisory_xact_lock(hashtextextended('gantry/audit removal', 0))");
    if (!mine[0].as<bool>()) return false;
    const auto day = oldest_day(work, before);
    if (!day) return false;
    const Told told = tell(work, *day);
    work.exec_params(
        "select set_config('gantry.audit_removes_before', $1, true), "
        "set_config('gantry.audit_removed_sha256', $2, true)",
        day->to, told.sha256);
    const auto removed =
        work.exec_params0("delete from audit where at >= $1 and at < $2", day->from, day->to);
    if (static_cast<std::int64_t>(removed.affected_rows()) != told.lines)
      throw std::runtime_error("lines of the audit log came between");
    return true;
  });
}

}  // namespace gantry
