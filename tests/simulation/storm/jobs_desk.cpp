// A daemon's life: its keeper looks about once a second, holds the lease, dies and comes again.
#include "tests/simulation/storm/jobs_desk.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace gantry::storm {
namespace {

constexpr Duration kLease = Seconds(10);
constexpr Duration kShort = std::chrono::milliseconds(20);
constexpr Duration kHang = Seconds(2);       // of a call to the engine
constexpr Duration kLongHang = Seconds(25);  // of one to the database, or to a registry

Error away() { return {Code::unavailable, "database_unavailable", "the database is away"}; }
Error no_lease() { return {Code::conflict, "lease_lost", "another daemon acts now"}; }

}  // namespace

TimePoint DeskClock::now() const {
  if (desk_.looking && desk_.beneath == 0) desk_.looked_at = storm_.clock_.now();
  return storm_.clock_.now();
}

void JobStorm::alive(Desk& desk) {
  if (!desk.up) throw Died{};
}

// A daemon comes to its next call, or from it.
void JobStorm::step(Desk& desk, Duration stall) {
  alive(desk);
  ++steps_;
  if (desk.doom == 0) {
    die(desk.number);
    throw Died{};
  }
  if (desk.doom > 0) --desk.doom;
  if (storming_ && dice_.percent(severity_ / 3)) {
    const bool looked = desk.looking && desk.beneath == 0;
    if (looked) ++desk.beneath;  // what it begins meanwhile is not this look
    const Duration until = std::min(
        hangs_until_, now_ + dice_.span(Duration(100), dice_.percent(80) ? kShort : stall));
    const Duration before = std::exchange(hangs_until_, until);
    if (until > now_) pass(until - now_);
    hangs_until_ = before;
    if (looked && desk.up) --desk.beneath;
  }
  alive(desk);
}

template <class F>
auto DeskLedger::call(Who who, F effect) -> decltype(effect()) {
  using R = decltype(effect());
  const bool looked = desk_.looking && desk_.beneath == 0;
  storm_.step(desk_, kLongHang);
  const auto failed = [&](Error error) {
    if (looked) desk_.trouble = true;
    return R(std::move(error));
  };
  if (storm_.database_down_) return failed(away());
  if (who == Who::leader && !storm_.rows_.leads(desk_.number)) return failed(no_lease());
  R answer = effect();
  storm_.step(desk_, kLongHang);
  if (storm_.lossy_ && storm_.dice_.percent(5)) return failed(away());  // it was done all the same
  return answer;
}

Result<bool> DeskLedger::leads() {
  const bool looked = desk_.looking && desk_.beneath == 0;
  const auto told =
      call(Who::anybody, [&] { return Result<bool>(storm_.rows_.leads(desk_.number)); });
  if (looked) desk_.led = told && *told;
  return told;
}
Result<JobRun> DeskLedger::run(const RunId& id) {
  return call(Who::anybody, [&]() -> Result<JobRun> {
    const JobRun* found = storm_.rows_.find(id);
    return found == nullptr ? Result<JobRun>(not_found("run")) : Result<JobRun>(*found);
  });
}
Result<std::vector<JobRun>> DeskLedger::open_runs() {
  return call(Who::anybody, [&] { return Result<std::vector<JobRun>>(storm_.rows_.open_runs()); });
}
Result<std::vector<CronMark>> DeskLedger::marks() {
  return call(Who::anybody, [&] {
    std::vector<CronMark> all;
    for (const auto& [id, mark] : storm_.rows_.marks) all.push_back(mark);
    return Result<std::vector<CronMark>>(all);
  });
}
Result<> DeskLedger::put_mark(const CronMark& mark) {
  return call(Who::leader, [&] {
    storm_.rows_.marks[mark.instance_id] = mark;
    return done();
  });
}
Result<> DeskLedger::erase_mark(const InstanceId& id) {
  return call(Who::leader, [&] {
    storm_.rows_.marks.erase(id);
    return done();
  });
}
Result<bool> DeskLedger::add_tick(const JobRun& run) {
  return call(Who::leader, [&] {
    JobRun mine = run;
    mine.id = storm_.next_id();  // another daemon's may be lower after the clock was set back
    const bool added = storm_.rows_.add_tick(mine);
    if (added) {
      storm_.tell(fmt::format("d{} adds {} for {} {}", desk_.number, storm_.name_of(mine.id),
                              format_time(*run.tick), name(run.status)));
      storm_.check_tick(mine);
    }
    return Result<bool>(added);
  });
}
Result<> DeskLedger::record_waiting(const std::vector<RunId>& ids, std::string_view reason) {
  return call(Who::leader, [&] {
    storm_.rows_.waiting(ids, reason);
    return done();
  });
}
Result<bool> DeskLedger::claim_run(const RunId& id) {
  return call(Who::leader, [&] {
    const bool claimed = storm_.rows_.claim(id);
    storm_.tell(fmt::format("d{} claims {} {}", desk_.number, storm_.name_of(id), claimed));
    return Result<bool>(claimed);
  });
}
Result<> DeskLedger::record_start(const RunId& id, TimePoint started_at) {
  return call(Who::leader, [&] {
    storm_.rows_.start(id, started_at);
    return done();
  });
}
Result<> DeskLedger::record_ending(const RunId& id, RunStatus as, std::string_view reason,
                                   TimePoint now) {
  return call(Who::leader, [&] {
    storm_.rows_.ending(id, as, reason, now);
    storm_.tell(
        fmt::format("d{} wants the end of {}: {}", desk_.number, storm_.name_of(id), reason));
    return done();
  });
}
Result<bool> DeskLedger::record_end(const JobRun& run) {
  return call(Who::leader, [&] {
    const bool ended = storm_.rows_.end(run);
    storm_.tell(fmt::format("d{} ends {} {}: {}", desk_.number, storm_.name_of(run.id),
                            name(run.status), run.reason));
    return Result<bool>(ended);
  });
}

template <class F>
auto DeskEngine::call(F effect) -> decltype(effect()) {
  using R = decltype(effect());
  storm_.step(desk_, kHang);
  R answer = effect();
  storm_.step(desk_, kHang);
  if (storm_.lossy_ && storm_.dice_.percent(5))
    return R(Error{Code::unavailable, "engine_unavailable", "its answer was lost"});
  return answer;
}

Result<JobSeen> DeskEngine::begin(const JobSpec& wanted) {
  return call([&]() -> Result<JobSeen> {
    JobSpec spec = wanted;
    const bool brief = !storm_.storming_ || storm_.dice_.percent(40);
    const int seconds = storm_.dice_.below(brief ? 4 : 200);
    const int code = storm_.dice_.percent(25) ? 3 : 0;
    spec.variables["RUN_SECONDS"] = std::to_string(seconds);
    spec.variables["RUN_EXIT"] = std::to_string(code);
    if (storm_.dice_.percent(10)) spec.variables["IGNORES_TERM"] = "1";
    const int before = storm_.engine_.begun(spec.run_id);
    auto seen = storm_.engine_.begin(spec);
    if (storm_.engine_.begun(spec.run_id) != before) {
      storm_.tell(fmt::format("d{} begins {} for {} s", desk_.number, storm_.name_of(spec.run_id),
                              seconds));
      storm_.exits_[spec.run_id] = code;
      storm_.check_begun(spec);
    }
    return seen;
  });
}
Result<std::vector<JobSeen>> DeskEngine::list() {
  return call([&] { return storm_.engine_.list(); });
}
Result<> DeskEngine::end(const RunId& id, Seconds grace) {
  return call([&] { return storm_.engine_.end(id, grace); });
}
Result<> DeskEngine::remove(const RunId& id) {
  return call([&] { return storm_.engine_.remove(id); });
}

void JobStorm::start(int number) {
  const auto place = static_cast<std::size_t>(number);
  if (database_down_) return after(Seconds(1), [this, number] { start(number); });
  tell(fmt::format("d{} starts", number));
  rows_.forget_term(number);
  desks_[place] = std::make_unique<Desk>(*this, number);
  Desk& desk = *desks_[place];
  desk.project = project_;
  const JobPorts ports{.store = desk.store,
                       .ledger = desk.ledger,
                       .engine = desk.engine,
                       .logs = desk.logs,
                       .clock = desk.clock,
                       .pull = [this, &desk](const std::string& image) {
                         step(desk, kLongHang);
                         engine_.add_image(image);
                         return done();
                       }};
  JobKeeperOptions options;
  options.threads = 0;
  options.policy.at_once = at_once_;
  options.desired.installation = desk.store.installation();
  options.engine_look = Seconds(dice_.between(1, 5));
  options.in_background = [this, &desk](Work work) {
    after(desk, dice_.span(Duration(100), kShort), [&desk, work = std::move(work)] {
      const bool within = desk.looking;
      if (within) ++desk.beneath;
      work();
      if (within) --desk.beneath;
    });
  };
  options.log = [this, number](const std::string& line) {
    if (line.find("run=") == std::string::npos) tell(fmt::format("d{} {}", number, line));
  };
  desk.keeper = std::make_unique<JobKeeper>(ports, std::move(options));
  hold_lease(desk);
  after(desk, dice_.span(Duration(1000), Seconds(1)), [this, &desk] { look(desk); });
}

void JobStorm::die(int number) {
  const auto place = static_cast<std::size_t>(number);
  if (!desks_[place] || !desks_[place]->up) return;
  tell(fmt::format("d{} dies", number));
  desks_[place]->up = false;
  graves_.push_back(std::move(desks_[place]));
  after(dice_.percent(80) ? dice_.span(Duration(100'000), Seconds(20))
                          : dice_.span(Seconds(60), Seconds(400)),
        [this, number] { start(number); });
}

void JobStorm::hold_lease(Desk& desk) {
  if (!database_down_) (void)rows_.hold(desk.number, now_, kLease);
  after(desk, dice_.span(Duration(250'000), Seconds(3)), [this, &desk] { hold_lease(desk); });
}

void JobStorm::look(Desk& desk) {
  after(desk, dice_.span(Duration(300'000), Duration(1'000'000)), [this, &desk] { look(desk); });
  if (desk.looking) return;  // it hangs
  desk.looking = true;
  desk.led = desk.trouble = false;
  desk.looked_at.reset();
  const ProjectPtr saw = desk.project;
  const auto looked = desk.keeper->look();
  desk.looking = false;
  if (!looked || !desk.led || desk.trouble || !desk.looked_at) return;
  if (saw == project_ && desk.project == project_) check_looked(desk, *desk.looked_at);
}

}  // namespace gantry::storm
