#include "tests/simulation/storm/storm.hpp"

#include <fmt/format.h>

namespace gantry::storm {
namespace {

constexpr int kTurns = 20'000;             // at one instant
constexpr Duration kCalm = Seconds(2400);  // as long as the slowest deadlines together
constexpr Duration kLook = Seconds(60);

}  // namespace

Storm::Storm(std::uint64_t seed, Story story) : dice_(seed), about_(story) {
  severity_ = dice_.of(std::array{0, 3, 6, 10, 15});
  (void)edge_.start();
  edge_.on_wake([this](const InstanceId& id) {
    for (Daemon& daemon : daemons_)
      if (daemon.up) push(daemon, WakeAsked{id});
  });
  daemons_.resize(dice_.percent(25) ? 2 : 1);
  for (std::size_t i = 0; i < daemons_.size(); ++i) daemons_[i].number = static_cast<int>(i);
}

void Storm::after(Duration lag, Job job) {
  agenda_.emplace(std::pair(now_ + lag, ++number_), std::move(job));
}

void Storm::after(const Daemon& daemon, Duration lag, Job job) {
  after(lag, [this, number = daemon.number, life = daemon.life, job = std::move(job)] {
    const Daemon& it = daemons_[static_cast<std::size_t>(number)];
    if (it.up && it.life == life) job();
  });
}

// Mostly as usual; in a storm now and then long.
Duration Storm::lag(Duration usual, Duration slowest) {
  if (storming_ && severity_ > 0 && dice_.percent(severity_ / 2 + 1))
    return dice_.span(usual, slowest);
  return dice_.span(Duration(100), usual);
}

void Storm::tell(std::string line) {
  if (kept_lines == 0) return;
  for (const char c : line) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  story_.push_back(fmt::format("{:>11.4f} {}", static_cast<double>(now_.count()) / 1e6, line));
  if (story_.size() > kept_lines) story_.pop_front();
}

void Storm::broke(const std::string& invariant, const std::string& what) {
  if (violation_.empty()) violation_ = fmt::format("step {}: {}: {}", steps_, invariant, what);
}

bool Storm::step_time(Duration end) {
  Duration next = end;
  for (const Daemon& daemon : daemons_)
    if (daemon.up)
      for (const auto& [id, at] : daemon.wakes)
        next = std::min(next, now_ + std::max(at - clock_.now(), Duration(1)));
  const bool planned = !agenda_.empty() && agenda_.begin()->first.first <= next;
  if (planned) next = std::max(agenda_.begin()->first.first, now_);
  clock_.move(next - now_);
  now_ = next;
  if (planned) {
    const Job job = std::move(agenda_.begin()->second);
    agenda_.erase(agenda_.begin());
    job();
  }
  return now_ < end;
}

void Storm::run_until(Duration end) {
  for (Duration at = now_; violation_.empty();) {
    if (at != now_) turns_ = 0;
    at = now_;
    if (++turns_ > kTurns) return broke("it never comes to rest", "");
    bool busy = false;
    for (Daemon& daemon : daemons_)
      if (daemon.up && turn(daemon)) busy = true;
    if (!busy && !step_time(end)) return;
  }
}

// Requests of one second, and what the edge measures of them.
void Storm::traffic(Row& row) {
  const std::string host = row.base.service + ".localhost";
  const auto shares = edge_.shares(host);
  if (row.load > 0) row.asked_at = now_;
  if (row.load == 0)
    row.busy_since.reset();
  else if (!row.busy_since)
    row.busy_since = now_;
  edge_.set_load(
      {row.base.instance_id,
       static_cast<std::uint64_t>(row.load) * static_cast<std::uint64_t>(now_ / Seconds(1)),
       row.load / 4, 0});
  if (shares.empty()) {
    if (row.load > 0) (void)edge_.request(host);
    return;
  }
  const auto route = edge_.live().routes().find(row.base.instance_id);
  if (route == edge_.live().routes().end() || !route->second.route.measured) return;
  for (const auto& [key, share] : shares) {
    const Deployment* deployment = ledger_.deployment(key.deployment_id);
    if (deployment == nullptr) continue;
    const App app = app_of(*deployment);
    Measure measure;
    measure.requests = static_cast<std::uint64_t>(row.load * share + dice_.below(100) / 100.0);
    for (std::uint64_t i = 0; i < measure.requests; ++i) {
      measure.errors += app == App::failing && dice_.percent(6) ? 1 : 0;
      measure.latency.add((app == App::slow ? 3.0 : 1.0) * dice_.between(15, 40));
    }
    if (measure.requests > 0) edge_.add_measure(key, measure);
  }
}

void Storm::every_second() {
  for (auto& [id, row] : ledger_.rows)
    if (!row.erased && !row.plain()) traffic(row);
  sessions();
  edge_.remind();
  bool fit = !engine_down_ && !ledger_.down && edge_.alive();
  bool any = false;
  for (Daemon& daemon : daemons_) any = any || (daemon.up && daemon.world.adopted && leads(daemon));
  if (!fit || !any) fit_since_ = now_;
  lower_promises();
  check_reaction();
  check_shares();
  check_volumes();
  after(Seconds(1), [this] { every_second(); });
}

bool Storm::run() {
  found_services();
  for (Daemon& daemon : daemons_) start(daemon);
  every_second();
  people();
  if (about_ == Story::volumes) volume_people();
  weather();
  run_until(Seconds(dice_.between(200, 900)));
  clear_up();
  const Duration end = now_ + kCalm;
  std::string before;
  int same = 0;
  while (violation_.empty() && now_ < end && same < 6) {
    run_until(now_ + kLook);
    const std::string after = picture();
    same = after == before && now_ > end - kCalm + Seconds(300) ? same + 1 : 0;
    before = after;
  }
  if (violation_.empty()) check_calm();
  return violation_.empty();
}

}  // namespace gantry::storm
