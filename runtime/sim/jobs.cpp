#include "runtime/sim/jobs.hpp"

#include <charconv>

namespace gantry {
namespace {

constexpr int kTerminated = 143;
constexpr int kKilled = 137;

Error away() {
  return {Code::unavailable, "engine_unavailable", "the simulated engine cannot be reached"};
}

int number_in(const JobSpec& spec, const char* name) {
  const auto found = spec.variables.find(name);
  int value = 0;
  if (found != spec.variables.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

}  // namespace

Result<> SimJobs::reach() {
  if (!down_ && failing_ == 0) return done();
  if (!down_) --failing_;
  return away();
}

void SimJobs::advance() {
  const TimePoint now = clock_.now();
  for (auto& [id, run] : runs_) {
    if (run.seen.state != ContainerState::running || now < run.ends_at) continue;
    run.seen.state = ContainerState::exited;
    run.seen.exit = ContainerExit{.code = run.exit_code, .at = run.ends_at};
  }
}

Result<JobSeen> SimJobs::begin(const JobSpec& spec) {
  const std::scoped_lock lock(mutex_);
  GANTRY_TRY(reach());
  if (!images_.contains(spec.image))
    return Error{Code::not_found, "image_not_found", "the image " + spec.image + " is not there"};
  const auto [run, fresh] = runs_.try_emplace(spec.run_id);
  if (fresh) {
    const TimePoint now = clock_.now();
    ++begun_[spec.run_id];
    specs_.push_back(spec);
    run->second = {.spec = spec,
                   .seen = {.run_id = spec.run_id,
                            .instance_id = spec.instance_id,
                            .state = ContainerState::running,
                            .started_at = now},
                   .ends_at = now + Seconds(number_in(spec, "RUN_SECONDS")),
                   .exit_code = number_in(spec, "RUN_EXIT")};
  }
  advance();
  if (losing_ > 0) {
    --losing_;
    return away();
  }
  return run->second.seen;
}

Result<std::vector<JobSeen>> SimJobs::list() {
  const std::scoped_lock lock(mutex_);
  GANTRY_TRY(reach());
  advance();
  std::vector<JobSeen> all;
  for (const auto& [id, run] : runs_) all.push_back(run.seen);
  return all;
}

// Time does not pass meanwhile: who ignores SIGTERM is killed at once.
Result<> SimJobs::end(const RunId& id, Seconds) {
  const std::scoped_lock lock(mutex_);
  GANTRY_TRY(reach());
  advance();
  const auto run = runs_.find(id);
  if (run == runs_.end() || run->second.seen.state != ContainerState::running) return done();
  const bool ignores = run->second.spec.variables.contains("IGNORES_TERM");
  run->second.exit_code = ignores ? kKilled : kTerminated;
  run->second.ends_at = clock_.now();
  advance();
  return done();
}

Result<> SimJobs::remove(const RunId& id) {
  const std::scoped_lock lock(mutex_);
  GANTRY_TRY(reach());
  runs_.erase(id);
  return done();
}

void SimJobs::add_image(const std::string& image) {
  const std::scoped_lock lock(mutex_);
  images_.insert(image);
}

void SimJobs::set_down(bool down) {
  const std::scoped_lock lock(mutex_);
  advance();
  down_ = down;
}

void SimJobs::stop_all() {
  const std::scoped_lock lock(mutex_);
  advance();
  for (auto& [id, run] : runs_) {
    if (run.seen.state != ContainerState::running) continue;
    run.exit_code = kKilled;
    run.ends_at = clock_.now();
  }
  advance();
}

void SimJobs::fail_next(int calls) {
  const std::scoped_lock lock(mutex_);
  failing_ = calls;
}

void SimJobs::lose_replies(int begins) {
  const std::scoped_lock lock(mutex_);
  losing_ = begins;
}

void SimJobs::destroy(const RunId& id) {
  const std::scoped_lock lock(mutex_);
  runs_.erase(id);
}

void SimJobs::clock_set(Duration by) {
  const std::scoped_lock lock(mutex_);
  for (auto& [id, run] : runs_)
    if (run.seen.state == ContainerState::running) run.ends_at += by;
}

int SimJobs::begun(const RunId& id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = begun_.find(id);
  return found == begun_.end() ? 0 : found->second;
}

int SimJobs::running() const {
  const std::scoped_lock lock(mutex_);
  int count = 0;
  for (const auto& [id, run] : runs_) count += run.seen.state == ContainerState::running ? 1 : 0;
  return count;
}

std::vector<JobSpec> SimJobs::specs() const {
  const std::scoped_lock lock(mutex_);
  return specs_;
}

}  // namespace gantry
