// Carries out what was pushed and what people asked for. One thread looks, `concurrency` threads
// work, one repository at a time each. Only the daemon that holds the lease does anything. Owned by
// the daemon.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "runtime/git/desk.hpp"
#include "runtime/git/work.hpp"

namespace gantry {

struct GitRunnerOptions {
  GitWorkOptions work = {};
  int concurrency = 2;
  // Between two runs for one branch: pushes that come faster collapse into the last one.
  Seconds pause{10};
};

class GitRunner : public GitDesk {
 public:
  GitRunner(const GitPorts&, GitRunnerOptions);
  ~GitRunner() override;

  void start();
  void stop();  // what is under way is broken off; its row stays

  // One look at everything; for tests, too. Errors of the database end it.
  Result<> look();
  int pending() const;                // jobs that wait or are under way
  int runs() const { return runs_; }  // pushes that were taken up

  GitLedger& ledger() override { return ports_.ledger; }
  Result<> take_hook(const Repository&, const HookRequest&) override;
  Result<GitHeads> heads(const Repository&) override;
  std::string new_secret(Forge forge) override { return new_hook_secret(forge); }
  void nudge() override;

 private:
  using Job = std::function<Result<>(const std::stop_token&)>;

  void lookout(const std::stop_token&);
  void work(const std::stop_token&);
  // Unless one of this key is queued or under way already.
  void enqueue(const std::string& key, Job);
  Result<> take_up(const RepositoryId&, const std::vector<Push>&, const std::vector<Pull>&,
                   const std::stop_token&);
  Result<> look_for_work(TimePoint now);
  Result<> look_for_polls(TimePoint now);
  bool paused(const Push&, TimePoint now);
  bool may_tell(const std::string& what, TimePoint now);

  const GitPorts ports_;
  const GitRunnerOptions options_;
  GitWork work_;
  std::atomic<int> asking_ = 0, runs_ = 0;

  std::mutex looking_;  // one look at a time
  TimePoint polls_read_{};
  std::vector<Repository> polled_;
  std::map<RepositoryId, TimePoint> next_poll_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  std::deque<std::pair<std::string, Job>> queue_;
  std::set<std::string> under_way_;
  std::map<std::string, TimePoint> last_run_, last_refusal_;
  std::vector<std::jthread> threads_;  // last
};

}  // namespace gantry
