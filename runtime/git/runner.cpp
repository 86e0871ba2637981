#include "runtime/git/runner.hpp"

#include <algorithm>

namespace gantry {
namespace {

constexpr auto kLook = std::chrono::seconds(1);
constexpr Seconds kReadPolls{15};
constexpr Seconds kRefusals{10};  // between two events of hooks refused for one reason
constexpr int kAskingMost = 3;
constexpr std::size_t kRemembered = 10'000;

std::string branch_key(const Push& push) {
  return push.repository_id.str() + "/" + push.instance_id.str() + "/" + push.branch;
}

void forget(std::map<std::string, TimePoint>& times, TimePoint before) {
  if (times.size() > kRemembered)
    std::erase_if(times, [&](const auto& each) { return each.second < before; });
}

}  // namespace

GitRunner::GitRunner(const GitPorts& ports, GitRunnerOptions options)
    : ports_(ports), options_(std::move(options)), work_(ports, options_.work) {}

GitRunner::~GitRunner() { stop(); }

void GitRunner::start() {
  threads_.emplace_back([this](const std::stop_token& stop) { lookout(stop); });
  for (int i = 0; i < options_.concurrency; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

void GitRunner::stop() {
  for (auto& thread : threads_) thread.request_stop();
  changed_.notify_all();
  threads_.clear();
}

void GitRunner::nudge() {
  const std::scoped_lock lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

int GitRunner::pending() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<int>(under_way_.size());
}

void GitRunner::enqueue(const std::string& key, Job job) {
  const std::scoped_lock lock(mutex_);
  if (!under_way_.insert(key).second) return;
  queue_.emplace_back(key, std::move(job));
  changed_.notify_all();
}

void GitRunner::lookout(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      if (const auto looked = look();
          !looked && options_.work.log && looked.error().code != Code::unavailable)
        options_.work.log("repositories: look failed detail=\"" + looked.error().detail + "\"");
    } catch (const std::exception& failure) {
      if (options_.work.log) options_.work.log(std::string("repositories: ") + failure.what());
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, kLook, [&] { return woken_; });
    woken_ = false;
  }
}

void GitRunner::work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::pair<std::string, Job> job;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !queue_.empty(); })) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    try {
      if (const auto ended = job.second(stop); !ended && options_.work.log)
        options_.work.log("repository work failed key=" + job.first + " detail=\"" +
                          ended.error().detail + "\"");
    } catch (const std::exception& failure) {
      if (options_.work.log) options_.work.log(job.first + ": " + failure.what());
    }
    const std::scoped_lock lock(mutex_);
    under_way_.erase(job.first);
    changed_.notify_all();
  }
}

Result<> GitRunner::look() {
  const std::scoped_lock looking(looking_);
  const auto leads = ports_.ledger.leads();
  if (!leads) return leads.error();
  if (!*leads) return done();
  const TimePoint now = ports_.clock.now();
  GANTRY_TRY(look_for_work(now));
  return look_for_polls(now);
}

bool GitRunner::paused(const Push& push, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  forget(last_run_, now - options_.pause);
  const auto last = last_run_.find(branch_key(push));
  return last != last_run_.end() && now - last->second < options_.pause;
}

Result<> GitRunner::look_for_work(TimePoint now) {
  struct Due {
    std::vector<Push> pushes;
    std::vector<Pull> pulls;
  };
  std::map<RepositoryId, Due> due;
  const auto pushes = ports_.ledger.due_pushes(now);
  if (!pushes) return pushes.error();
  for (const Push& push : *pushes)
    if (!paused(push, now)) due[push.repository_id].pushes.push_back(push);
  const auto pulls = ports_.ledger.due_pulls(now);
  if (!pulls) return pulls.error();
  for (const Pull& pull : *pulls) due[pull.repository_id].pulls.push_back(pull);
  for (auto& [id, what] : due)
    enqueue("work/" + id.str(),
            [this, id = id, what = std::move(what)](const std::stop_token& stop) {
              return take_up(id, what.pushes, what.pulls, stop);
            });
  const auto open = ports_.ledger.open_deployments(now);
  if (!open) return open.error();
  std::map<RepositoryId, std::vector<GitDeployment>> reports;
  for (const GitDeployment& one : *open) reports[one.repository_id].push_back(one);
  for (auto& [id, list] : reports)
    enqueue("report/" + id.str(),
            [this, id = id, list = std::move(list)](const std::stop_token& stop) -> Result<> {
              const auto repository = ports_.ledger.repository(id);
              if (!repository) return done();
              for (const GitDeployment& one : list)
                if (!stop.stop_requested()) GANTRY_TRY(work_.report(*repository, one));
              return done();
            });
  return done();
}

Result<> GitRunner::take_up(const RepositoryId& id, const std::vector<Push>& pushes,
                            const std::vector<Pull>& pulls, const std::stop_token& stop) {
  const auto repository = ports_.ledger.repository(id);
  if (!repository) return done();  // it was disconnected
  for (const Push& push : pushes) {
    if (stop.stop_requested()) return done();
    ++runs_;
    const auto ended = work_.push(*repository, push, stop);
    {
      const std::scoped_lock lock(mutex_);
      last_run_[branch_key(push)] = ports_.clock.now();
    }
    if (!ended) return ended;
  }
  for (const Pull& pull : pulls) {
    if (stop.stop_requested()) return done();
    GANTRY_TRY(work_.pull(*repository, pull, stop));
  }
  // What has gone leaves room for those that were held for want of it.
  return pulls.empty() ? done() : ports_.ledger.admit_pulls(id, ports_.clock.now());
}

Result<> GitRunner::look_for_polls(TimePoint now) {
  if (now - polls_read_ >= kReadPolls) {
    auto all = ports_.ledger.polled();
    if (!all) return all.error();
    polled_ = *std::move(all);
    polls_read_ = now;
  }
  for (const Repository& one : polled_) {
    auto& next = next_poll_[one.id];
    if (now < next) continue;
    next = now + Seconds(one.poll_seconds);
    enqueue("poll/" + one.id.str(),
            [this, one](const std::stop_token&) { return work_.poll(one); });
  }
  if (next_poll_.size() > 2 * polled_.size() + 100) next_poll_.clear();
  return done();
}

Result<GitHeads> GitRunner::heads(const Repository& repository) {
  struct Turn {
    std::atomic<int>& count;
    ~Turn() { --count; }
  };
  const bool many = ++asking_ > kAskingMost;
  const Turn turn{asking_};
  if (many)
    return Error{Code::unavailable, "git_busy",
                 "other repositories are being asked just now: try again in some seconds"};
  return ports_.remote.heads(repository.url, credential_of(repository));
}

bool GitRunner::may_tell(const std::string& what, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  forget(last_refusal_, now - kRefusals);
  auto& last = last_refusal_[what];
  if (now - last < kRefusals) return false;
  last = now;
  return true;
}

Result<> GitRunner::take_hook(const Repository& repository, const HookRequest& request) {
  const TimePoint now = ports_.clock.now();
  const auto refuse = [&](const Error& error) -> Result<> {
    if (may_tell(repository.id.str() + error.reason, now))
      work_.tell("hook.refused", repository, error.reason + ": " + error.detail);
    return error;
  };
  const auto hook = verify_hook(repository.forge, repository.secret, request, now);
  if (!hook) return refuse(hook.error());
  const auto events = parse_hook(repository.forge, hook->type, request.body);
  if (!events) return refuse(events.error());
  const auto taken = ports_.ledger.take_events(repository.id, hook->delivery, *events, now);
  if (!taken && taken.error().code == Code::conflict) return refuse(taken.error());
  if (taken) nudge();
  return taken;
}

}  // namespace gantry
