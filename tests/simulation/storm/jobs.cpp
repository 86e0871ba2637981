// Time, people and weather of the storm over runs.
#include "tests/simulation/storm/jobs.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "tests/simulation/storm/jobs_desk.hpp"

namespace gantry::storm {
namespace {

constexpr std::array kSchedules{"* * * * *", "*/2 * * * *", "1-59/3 * * * *", "*/5 * * * *"};
constexpr std::array kZones{"UTC", "Europe/Berlin", "Asia/Kolkata"};
constexpr int kMostOpen = 20;  // of a service
constexpr Duration kCalm = Seconds(900);

const ProjectId kProject = *ProjectId::parse("prj_01jd8yq5x8c5v0m6r7k2n4t9wz");
const EnvironmentId kEnvironment = *EnvironmentId::parse("env_01jd8yq5x8c5v0m6r7k2n4t9wz");

template <class Id>
Id numbered(const char* prefix, std::uint64_t n) {
  return *Id::parse(fmt::format("{}_{:026}", prefix, n));
}

}  // namespace

JobStorm::JobStorm(std::uint64_t seed) : dice_(seed) {
  severity_ = dice_.of(std::array{0, 3, 6, 10, 15});
  at_once_ = dice_.between(1, 5);
  desks_.resize(dice_.percent(50) ? 2 : 1);
}

JobStorm::~JobStorm() = default;

void JobStorm::after(Duration lag, Work work) {
  agenda_.emplace(std::pair(now_ + lag, ++number_), std::move(work));
}

void JobStorm::after(const Desk& desk, Duration lag, Work work) {
  after(lag, [&desk, work = std::move(work)] {  // the dead are buried until the end of the story
    if (!desk.up) return;
    try {
      work();
    } catch (const Died&) {
    }
  });
}

void JobStorm::pass(Duration span) {
  const Duration end = now_ + span;
  while (violation_.empty() && !agenda_.empty() && agenda_.begin()->first.first <= end) {
    const Duration at = std::max(agenda_.begin()->first.first, now_);
    const Work work = std::move(agenda_.begin()->second);
    agenda_.erase(agenda_.begin());
    clock_.move(at - now_);
    now_ = at;
    work();
  }
  if (now_ >= end) return;  // somebody within has gone further
  clock_.move(end - now_);
  now_ = end;
}

void JobStorm::tell(std::string line) {
  if (kept_lines == 0) return;
  for (const char c : line) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  story_.push_back(fmt::format("{:>11.4f} {} {}", static_cast<double>(now_.count()) / 1e6,
                               format_time(clock_.now()).substr(11, 8), line));
  if (story_.size() > kept_lines) story_.pop_front();
}

void JobStorm::broke(const std::string& invariant, const std::string& what) {
  if (violation_.empty()) violation_ = fmt::format("step {}: {}: {}", steps_, invariant, what);
}

// By the clock, and then by number.
RunId JobStorm::next_id() {
  const auto since = clock_.now() - TimePoint(Seconds(1'790'000'000));
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  return *RunId::parse(fmt::format("run_{:012}{:014}", milliseconds, ++number_));
}

std::string JobStorm::name_of(const RunId& id) const {
  const JobRun* run = rows_.find(id);
  if (run == nullptr) return id.str();
  return fmt::format("{}/{}{}", run->instance_id.str().substr(28), run->alone ? "alone " : "",
                     id.str().substr(22));
}

// ---- what there is ----

void JobStorm::deploy(Tenant& tenant) {
  if (!tenant.version.id.empty()) tenant.before.insert(tenant.before.begin(), tenant.version);
  Deployment& version = tenant.version;
  version.id = numbered<DeploymentId>("dep", ++number_);
  version.instance_id = tenant.id;
  version.status = DeploymentStatus::success;
  version.progress = {.prepared = true, .image = "job:" + version.id.str(), .pre_deployed = true};
  version.created_at = version.updated_at = clock_.now();
  version.succeeded_at = clock_.now();
  if (dice_.percent(70)) engine_.add_image(version.progress.image);
  if (tenant.scheduled()) {
    CronSettings& cron = version.settings.deploy.cron;
    if (dice_.percent(50)) cron.schedule = dice_.of(kSchedules);
    cron.limit_seconds = dice_.percent(40) ? dice_.between(5, 90) : 0;
  }
  version.settings.deploy.draining_seconds = dice_.between(0, 10);
}

void JobStorm::found() {
  const int count = dice_.between(2, 5);
  for (int i = 0; i < count; ++i) {
    Tenant& tenant = tenants_.emplace_back();
    tenant.id = numbered<InstanceId>("ins", ++number_);
    CronSettings& cron = tenant.version.settings.deploy.cron;
    if (i < 2 || dice_.percent(70)) cron.schedule = dice_.of(kSchedules);
    cron.zone = dice_.of(kZones);
    cron.overlap = static_cast<CronOverlap>(dice_.below(3));
    cron.missed = static_cast<CronMissed>(dice_.below(2));
    tenant.alone = tenant.scheduled() && dice_.percent(30);
    deploy(tenant);
  }
}

ProjectPtr JobStorm::snapshot() const {
  auto project = std::make_shared<ProjectSnapshot>();
  project->project = {.id = kProject, .name = *Name::parse("storm"), .stamp = {}};
  Environment environment;
  environment.id = kEnvironment;
  environment.project_id = kProject;
  environment.name = *Name::parse("production");
  project->environments[kEnvironment] =
      std::make_shared<EnvironmentView>(environment, std::make_shared<const Variables>());
  for (const Tenant& tenant : tenants_) {
    if (tenant.gone) continue;
    const std::string ulid(tenant.id.ulid());
    Service service;
    service.id = *ServiceId::parse("svc_" + ulid);
    service.project_id = kProject;
    service.name = *Name::parse("s" + ulid.substr(20));
    project->services[service.id] = std::make_shared<const Service>(service);
    auto view = std::make_shared<InstanceView>();
    view->instance.id = tenant.id;
    view->instance.service_id = service.id;
    view->instance.environment_id = kEnvironment;
    view->variables = std::make_shared<const Variables>();
    view->deployments.push_back(std::make_shared<const Deployment>(tenant.version));
    for (const Deployment& one : tenant.before)
      view->deployments.push_back(std::make_shared<const Deployment>(one));
    project->instances[tenant.id] = std::move(view);
    if (!tenant.alone) continue;
    Volume volume;
    volume.id = *VolumeId::parse("vol_" + ulid);
    volume.project_id = kProject;
    volume.environment_id = kEnvironment;
    volume.name = *Name::parse("data");
    volume.instance_id = tenant.id;
    volume.mount_path = "/data";
    volume.made = true;
    project->volumes[volume.id] = std::make_shared<const Volume>(volume);
  }
  return project;
}

// Every daemon hears of it, one later than the other.
void JobStorm::publish() {
  project_ = snapshot();
  for (const auto& desk : desks_)
    if (desk)
      after(*desk, dice_.span(Duration(1000), Seconds(2)),
            [this, desk = desk.get()] { desk->project = project_; });
}

// ---- what happens to it ----

Tenant* JobStorm::some_tenant() {
  std::vector<Tenant*> there;
  for (Tenant& tenant : tenants_)
    if (!tenant.gone) there.push_back(&tenant);
  return there.empty() ? nullptr : dice_.of(there);
}

void JobStorm::people() {
  if (!storming_) return;
  after(dice_.span(Seconds(1), Seconds(60)), [this] { people(); });
  Tenant* tenant = some_tenant();
  if (database_down_ || tenant == nullptr) return;
  const int what = dice_.below(100);
  if (what < 50) {
    JobRun run;
    run.id = next_id();
    run.instance_id = tenant->id;
    run.deployment_id = tenant->version.id;
    run.command = {"seed"};
    run.alone = tenant->alone;
    run.limit_seconds = dice_.percent(30) ? dice_.between(1, 60) : 0;
    run.created_at = clock_.now();
    if (rows_.add(run, kMostOpen)) tell("person asks for " + name_of(run.id));
  } else if (what < 75) {
    std::vector<RunId> open;
    for (const JobRun& run : rows_.open_runs())
      if (!run.ending) open.push_back(run.id);
    if (open.empty()) return;
    const RunId id = dice_.of(open);
    tell("person cancels " + name_of(id));
    cancelled_.insert(id);
    (void)rows_.cancel(id, clock_.now());
  } else if (what < 97) {
    deploy(*tenant);
    tell("person deploys " + tenant->id.str() + " " +
         tenant->version.settings.deploy.cron.schedule);
    publish();
  } else {
    tell("person deletes " + tenant->id.str());
    tenant->gone = true;
    publish();
  }
}

void JobStorm::jump(Duration by) {
  tell(fmt::format("clock jumps by {} s", by / Seconds(1)));
  if (by < Duration(0)) highest_ = std::max(highest_, clock_.now());
  clock_.move(by);
  engine_.clock_set(by);
}

void JobStorm::weather() {
  if (!storming_ || severity_ == 0) return;
  after(dice_.span(Seconds(1), Seconds(300 / severity_)), [this] { weather(); });
  lossy_ = dice_.percent(30);
  const int what = dice_.below(100);
  if (what < 35) {
    const auto& desk = dice_.of(desks_);
    if (desk && desk->up) desk->doom = dice_.below(30);
  } else if (what < 55) {
    const bool deadly = dice_.percent(30);
    tell(fmt::format("engine goes down deadly={}", deadly));
    engine_.set_down(true);
    if (deadly) engine_.stop_all();
    after(dice_.span(Seconds(1), Seconds(60)), [this] {
      tell("engine is back");
      engine_.set_down(false);
    });
  } else if (what < 65) {
    std::vector<RunId> open;
    for (const JobRun& run : rows_.open_runs())
      if (run.started_at) open.push_back(run.id);
    if (open.empty()) return;
    const RunId id = dice_.of(open);
    tell("somebody removes the container of " + name_of(id));
    destroyed_.insert(id);
    engine_.destroy(id);
  } else if (what < 78) {
    jump(dice_.percent(75) ? Duration(Seconds(dice_.between(-150, 150)))
                           : Duration(Seconds(dice_.between(-20'000, 20'000))));
  } else if (what < 80) {
    jump(std::chrono::hours(24 * dice_.between(-3, 3)));
  } else if (!database_down_) {
    tell("database goes away");
    database_down_ = true;
    after(dice_.span(Seconds(1), Seconds(90)), [this] {
      tell("database is back");
      database_down_ = false;
    });
  }
}

void JobStorm::clear_up() {
  tell("calm");
  storming_ = lossy_ = database_down_ = false;
  engine_.set_down(false);
  for (const auto& desk : desks_)
    if (desk) desk->doom = -1;
}

bool JobStorm::run() {
  found();
  publish();
  for (std::size_t i = 0; i < desks_.size(); ++i) start(static_cast<int>(i));
  people();
  weather();
  pass(Seconds(dice_.between(600, 2400)));
  clear_up();
  // What was put off until a wrong clock's time is due by then.
  if (violation_.empty()) pass(kCalm);
  if (violation_.empty()) check_ends();
  return violation_.empty();
}

}  // namespace gantry::storm
