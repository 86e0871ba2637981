// The engine's containers of runs, named after them: begun once, read until the end, and kept until
// somebody has taken note of how they ended.

#include <map>
#include <mutex>

#include "proto/name.hpp"
#include "runtime/docker/codec.hpp"
#include "runtime/docker/docker.hpp"
#include "runtime/docker/engine_client.hpp"
#include "runtime/docker/mounts.hpp"
#include "runtime/docker/networks.hpp"
#include "runtime/docker/output.hpp"

namespace gantry {
namespace docker {
namespace {

constexpr Duration kLastLines = Seconds(5);  // that long a stream may go on after the exit

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

Error start_failed(const std::string& text) { return {Code::invalid, "start_failed", text}; }

bool is_text(const JobSpec& spec) {
  for (const auto& [name, value] : spec.variables)
    if (!is_utf8(value)) return false;
  for (const std::string& word : spec.command)
    if (!is_utf8(word)) return false;
  return true;
}

class DockerJobs final : public JobEngine {
 public:
  explicit DockerJobs(const DockerOptions& options)
      : options_(options),
        client_(make_engine_client(options.socket_path)),
        networks_(*client_, options.installation_id),
        output_(*client_, *options.job_logs) {}

  Result<JobSeen> begin(const JobSpec& spec) override {
    auto there = find(spec.run_id);
    if (!there) return there.error();
    if (!*there) {
      GANTRY_TRY(create(spec));
      there = find(spec.run_id);
      if (!there) return there.error();
      if (!*there)
        return Error{Code::unavailable, "container_vanished",
                     spec.run_id.str() + " was removed while it started; try again"};
    }
    if ((*there)->job->state == ContainerState::created) {
      GANTRY_TRY(start(spec, (*there)->container_id));
      there = find(spec.run_id);
      if (!there) return there.error();
      if (!*there) return not_found(spec.run_id.str());
    }
    return settled(**there);
  }

  Result<std::vector<JobSeen>> list() override {
    auto reply = call(Verb::get, "/containers/json?all=1&" +
                                     labelled_filter(options_.installation_id, kJobLabel));
    if (!reply) return reply.error();
    if (!reply->ok()) return status_error(*reply);
    const auto listed = parse_jobs(reply->body);
    if (!listed) return listed.error();
    std::vector<JobSeen> all;
    for (const JobInspected& one : *listed) {
      if (!one.job) continue;
      if (const auto known = known_running(one)) {
        all.push_back(settled(*known));
        continue;
      }
      const auto whole = find(one.job->run_id);
      if (!whole) return whole.error();
      if (*whole) all.push_back(settled(**whole));
    }
    return all;
  }

  Result<> end(const RunId& id, Seconds grace) override {
    const auto there = find(id);
    if (!there) return there.error();
    if (!*there || (*there)->job->state != ContainerState::running) return done();
    auto reply = client_->call({.verb = Verb::post,
                                .target = "/containers/" + (*there)->container_id +
                                          "/stop?t=" + std::to_string(grace.count()),
                                .timeout = options_.call_timeout + grace});
    if (!reply) return reply.error();
    const bool stopped = reply->ok() || reply->status == 304 || reply->status == 404;
    return stopped ? done() : Result<>(status_error(*reply));
  }

  Result<> remove(const RunId& id) override {
    const auto there = find(id);
    if (!there) return there.error();
    if (!*there) return done();
    auto reply = call(Verb::del, "/containers/" + (*there)->container_id + "?force=1&v=1");
    if (!reply) return reply.error();
    if (!reply->ok() && reply->status != 404 && reply->status != 409) return status_error(*reply);
    output_.forget((*there)->container_id);
    const std::scoped_lock lock(mutex_);
    running_.erase((*there)->container_id);
    return done();
  }

 private:
  Result<EngineReply> call(Verb verb, std::string target, std::string body = {},
                           std::optional<Duration> within = std::nullopt) {
    return client_->call({.verb = verb,
                          .target = std::move(target),
                          .body = std::move(body),
                          .timeout = within.value_or(options_.call_timeout)});
  }

  Result<std::optional<JobInspected>> find(const RunId& id) {
    const std::string name = job_name(options_.installation_id, id);
    auto reply = call(Verb::get, "/containers/" + name + "/json");
    if (!reply) return reply.error();
    if (reply->status == 404) return std::optional<JobInspected>();
    if (!reply->ok()) return status_error(*reply);
    auto seen = parse_job(reply->body);
    if (!seen) return seen.error();
    if (seen->installation != options_.installation_id.str() || !seen->job ||
        seen->job->run_id != id)
      return Error{Code::conflict, "name_taken_by_other",
                   "a container named " + name +
                       " that belongs to somebody else is on the engine; remove or rename it"};
    return std::optional(*std::move(seen));
  }

  Result<> create(const JobSpec& spec) {
    if (!is_text(spec)) return start_failed("variables and command must be UTF-8");
    const std::string name = job_name(options_.installation_id, spec.run_id);
    GANTRY_TRY(check_mounts([this](std::string target) { return call(Verb::get, target); },
                            options_.installation_id, spec.mounts, name));
    GANTRY_TRY(networks_.ensure(spec.network));
    auto reply = call(Verb::post, "/containers/create?name=" + name,
                      job_body(spec, options_.installation_id), options_.start_timeout);
    if (!reply) return reply.error();
    if (reply->ok() || reply->status == 409) return done();  // what stands there is looked at next
    const std::string text = parse_message(reply->body);
    if (reply->status == 404)
      return Error{Code::not_found, "image_not_found",
                   "the image " + spec.image + " is not there: " + text};
    if (reply->status == 400) return start_failed(text);
    return status_error(*reply);
  }

  // The engine's init process starts in any case: a program that is not there ends with code 127
  // and a line in the log.
  Result<> start(const JobSpec& spec, const std::string& container_id) {
    for (bool again = false;; again = true) {
      GANTRY_TRY(output_.attach({container_id, spec.instance_id, log_key(spec.run_id)}));
      auto reply =
          call(Verb::post, "/containers/" + container_id + "/start", {}, options_.start_timeout);
      if (!reply) return reply.error();
      if (reply->ok() || reply->status == 304) return done();
      const std::string text = parse_message(reply->body);
      if (!again && says(text, "network") && says(text, "not found")) {
        networks_.forget(spec.environment_id);
        GANTRY_TRY(networks_.ensure(spec.network));
        continue;
      }
      if (reply->status == 400 || says(text, "OCI runtime") || says(text, "executable file"))
        return start_failed(text);
      return status_error(*reply);
    }
  }

  // What was found out of one that still runs: nothing of it changes.
  std::optional<JobInspected> known_running(const JobInspected& listed) {
    const std::scoped_lock lock(mutex_);
    const auto found = running_.find(listed.container_id);
    if (found == running_.end()) return std::nullopt;
    if (listed.job->state == ContainerState::running) return found->second;
    running_.erase(found);
    return std::nullopt;
  }

  // Read from here on, or to its end. One whose last lines are still on their way runs.
  JobSeen settled(const JobInspected& there) {
    JobSeen seen = *there.job;
    const OutputSource source{there.container_id, seen.instance_id, log_key(seen.run_id)};
    if (seen.state == ContainerState::running) output_.adopt_running(source);
    if (seen.state == ContainerState::running) {
      const std::scoped_lock lock(mutex_);
      running_[there.container_id] = there;
    }
    if (!seen.exit) return seen;
    const bool late = system_clock().now() >= seen.exit->at + kLastLines;
    if (output_.flows(there.container_id) && !late) {
      seen.state = ContainerState::running;
      seen.exit.reset();
      return seen;
    }
    output_.adopt_exited(source, seen.exit->at);
    return seen;
  }

  const DockerOptions options_;
  std::unique_ptr<EngineClient> client_;
  Networks networks_;
  Output output_;
  std::mutex mutex_;
  std::map<std::string, JobInspected> running_;  // by container id; guarded by mutex_
};

}  // namespace
}  // namespace docker

std::unique_ptr<JobEngine> make_docker_jobs(const DockerOptions& options) {
  return std::make_unique<docker::DockerJobs>(options);
}

}  // namespace gantry
