#include "tests/support/api_fixture.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "daemon/templates.hpp"
#include "store/open_git.hpp"
#include "store/open_jobs.hpp"
#include "store/open_ledger.hpp"
#include "tests/backup/streams.hpp"
#include "tests/support/postgres.hpp"

namespace gantry::testing {
namespace {

// One database for all tests of the API: each begins with seed(), which is cheaper than a database
// of its own.
class ApiDatabase final : public StoreTest {
 public:
  ApiDatabase() {
    SetUp();
    database_ +=
        " options='-c synchronous_commit=off'";  // durability is the store's tests' business
    store = open();
    token = first_token_;
  }
  void TestBody() override {}
  using StoreTest::sql;

  std::unique_ptr<Store> store;
  std::string token;
};

ApiDatabase& database() {
  static ApiDatabase made;
  return made;
}

api::Method method_of(const std::string& text) {
  for (const api::Method method : {api::Method::get, api::Method::post, api::Method::put,
                                   api::Method::patch, api::Method::del})
    if (text == api::name(method)) return method;
  throw std::logic_error("no method " + text);
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return text;
}

// Keeps a destination without going there.
class SeatedBackups final : public BackupRunner {
 public:
  using BackupRunner::BackupRunner;
  Result<> add_destination(BackupDestination wanted) override {
    return ledger().put_destination(wanted);
  }
};

class SampleOrigin final : public Origin {
 public:
  Result<std::string> read() override { return std::exchange(text_, ""); }
  Result<> finish() override { return done(); }

 private:
  std::string text_ = "a dump";
};

// A server with one repository of two branches.
class OneRepository final : public GitRemote {
 public:
  Result<Fetched> fetch(const FetchOrder&) override { return not_found("server"); }
  Result<GitHeads> heads(const std::string& url, const GitCredential&) override {
    if (url.find("/team/app.git") == std::string::npos)
      return Error{Code::invalid, "unknown_repository", url + ": there is no such repository"};
    return GitHeads{"main", {{"main", std::string(40, 'a')}, {"next", std::string(40, 'b')}}};
  }
};

void expect(const api::Response& response, int status) {
  if (response.status != status) throw std::runtime_error("the seed got " + response.body);
}

}  // namespace

void ApiTest::SetUp() {
  token_ = database().token;
  sources_ = make_sources({.directory = folder_.path()});
  context_ = std::make_unique<api::Context>(api::Context{.store = store(),
                                                         .logs = logs_,
                                                         .build_logs = build_logs_,
                                                         .sources = *sources_,
                                                         .clock = system_clock(),
                                                         .options = {},
                                                         .ready = {},
                                                         .metrics = {}});
  volume_files_ = make_volume_files(
      [this](const VolumeId& id) -> Result<std::string> { return folder_of(id); });
  context_->volume_files = volume_files_.get();
  people_ = open_people(store());
  context_->people = people_.get();
  audit_ = open_audit(store());
  context_->audit = audit_.get();
  context_->templates = load_templates("");
  ledger_ = open_backup_ledger(store());
  backups_ = std::make_unique<SeatedBackups>(
      BackupPorts{store(), *ledger_, exec_, *workbench_, fake_template, system_clock()},
      BackupOptions{
          .key = VaultKey::of({}), .local_path = folder_.path() + "/backups", .network = {}});
  context_->backups = backups_.get();
  git_ledger_ = open_git_ledger(store());
  git_remote_ = std::make_unique<OneRepository>();
  forge_ = make_forge_api();
  git_ = std::make_unique<GitRunner>(
      GitPorts{store(), *git_ledger_, *git_remote_, *forge_, system_clock()}, GitRunnerOptions{});
  context_->git = git_.get();
  jobs_ = open_job_ledger(store());
  context_->jobs = jobs_.get();
  context_->run_logs = &run_logs_;
  context_->instance_metrics = &metrics_;
  context_->report = [](const std::string&, std::string_view what) {
    ADD_FAILURE() << "a handler threw: " << what;
  };
  seed();
}

Store& ApiTest::store() { return *database().store; }
pqxx::result ApiTest::sql(const std::string& statement) { return database().sql(statement); }

api::Response ApiTest::send(const Call& call) {
  api::Request request;
  request.method = method_of(call.method);
  request.target = call.target;
  request.headers = call.headers;
  request.body = call.body;
  const bool typed = request.header("content-type") != nullptr;
  if (!request.body.empty() && !typed)
    request.headers.emplace_back("content-type", "application/json");
  if (!token_.empty()) request.headers.emplace_back("authorization", "Bearer " + token_);
  api::read_target(request);
  const api::Match matched = api::match(request.method, request.path);
  api::Response response = api::dispatch(std::move(request), matched, *context_);
  if (response.shared_body) response.body = *response.shared_body;  // as the server sends it
  return response;
}

api::Response ApiTest::get(const std::string& target, const Headers& headers) {
  return send({.method = "GET", .target = target, .headers = headers});
}
api::Response ApiTest::post(const std::string& target, const Json& body, const Headers& headers) {
  return send({.method = "POST", .target = target, .body = body.dump(), .headers = headers});
}
api::Response ApiTest::put(const std::string& target, const Json& body, const Headers& headers) {
  return send({.method = "PUT", .target = target, .body = body.dump(), .headers = headers});
}
api::Response ApiTest::patch(const std::string& target, const Json& body, const Headers& headers) {
  return send({.method = "PATCH", .target = target, .body = body.dump(), .headers = headers});
}
api::Response ApiTest::del(const std::string& target, const Headers& headers) {
  return send({.method = "DELETE", .target = target, .headers = headers});
}

void ApiTest::seed_rollout() {
  deploy_status(DeploymentStatus::success);
  ASSERT_EQ(post("/v1/projects/shop/services",
                 {{"name", "api-green"}, {"source", {{"image", "nginx:1.27"}}}})
                .status,
            201);
  ASSERT_EQ(post(kInstance + "/domains", {{"host", "www.example.com"}}).status, 201);
  const auto next = post(kInstance + "/deployments", {{"rollout", {{"strategy", "CANARY"}}}});
  ASSERT_EQ(next.status, 202) << next.body;
  Replica replica;
  replica.key = {*DeploymentId::parse(deployment_id_), 0, 0};
  replica.instance_id = instance_id_;
  replica.status = ReplicaStatus::running;
  replica.container_id = "0123456789ab";
  replica.address = "10.192.0.2:80";
  replica.ready = true;
  ASSERT_TRUE(store().record_replica(replica).ok());
  deployment_id_ = json(next)["id"];
  seed_held();
  seed_backups();
  seed_repository();
  seed_runs();
}

void ApiTest::seed_repository() {
  sql("delete from git_repositories");
  Repository one;
  one.id = *RepositoryId::parse(kRepositoryId);
  one.project_id = store().project("shop")->project.id;
  one.url = kRepository;
  one.forge = Forge::gitlab;
  one.secret = kHookSecret;
  one.token = "nobody reads it";
  one.created_at = *parse_time("2026-11-29T03:00:00Z");
  ASSERT_TRUE(git_ledger_->put_repository(one).ok());
  ASSERT_TRUE(
      git_ledger_
          ->put_connection({.instance_id = instance_id_, .repository_id = one.id, .branch = "main"})
          .ok());
  const PullEvent pull{.number = 7,
                       .title = "a change",
                       .author = "ada",
                       .fork = true,
                       .head_branch = "f",
                       .head_commit = std::string(40, 'c'),
                       .base_branch = "main"};
  ASSERT_TRUE(git_ledger_->take_events(one.id, "seed", {pull}, one.created_at).ok());
  sql("update git_pulls set state = 'held'");
}

void ApiTest::seed_runs() {
  sql("truncate job_runs, job_marks");
  JobRun run;
  run.id = *RunId::parse("run_01jd8yq5x8c5v0m6r7k2n4t9wz");
  run.instance_id = instance_id_;
  run.deployment_id = *DeploymentId::parse(deployment_id_);
  run.command = {"npm", "run", "seed"};
  run.created_at = *parse_time("2026-11-29T03:00:00Z");
  auto transaction = store().begin({});
  ASSERT_TRUE(transaction.ok());
  ASSERT_TRUE(dynamic_cast<JobVerbs&>(**transaction).add_run(run, {}).ok());
  ASSERT_TRUE((*transaction)->commit().ok());
}

void ApiTest::seed_held() {
  const ProjectPtr project = store().project("shop");
  const InstanceView* green = project->instance(project->service("api-green")->id,
                                                project->environment("production")->environment.id);
  auto transaction = store().begin({});
  ASSERT_TRUE(transaction.ok());
  const auto held = (*transaction)
                        ->create_deployment({.instance_id = green->instance.id,
                                             .id = DeploymentId::make(system_clock().now()),
                                             .settings = green->instance.settings,
                                             .variables = {},
                                             .trigger = "deploy",
                                             .status = DeploymentStatus::needs_approval,
                                             .reason = "it needs an approval"});
  ASSERT_TRUE(held.ok());
  ASSERT_TRUE((*transaction)->commit().ok());
  held_id_ = held->id.str();
}

void ApiTest::seed_people() {
  for (const char* name : {"alice", "bert"}) expect(post("/v1/users", {{"name", name}}), 201);
  expect(post("/v1/projects/shop/members", {{"user", "alice"}, {"role", "editor"}}), 201);
  expect(post("/v1/projects/shop/members",
              {{"user", "bert"}, {"role", "viewer"}, {"environment", "elsewhere"}}),
         201);
  const auto invited = post("/v1/projects/shop/invitations", {{"role", "editor"}});
  expect(invited, 201);
  invitation_id_ = json(invited)["id"];
  invitation_secret_ = json(invited)["secret"];
}

std::string ApiTest::user_token(const std::string& user, const std::string& role,
                                const std::string& project, const std::string& environment) {
  expect(post("/v1/users", {{"name", user}}), 201);
  Json member = {{"user", user}, {"role", role}};
  if (!environment.empty()) member["environment"] = environment;
  expect(post("/v1/projects/" + project + "/members", member), 201);
  const auto made = post("/v1/tokens", {{"name", user}, {"user", user}});
  expect(made, 201);
  return json(made)["secret"];
}

void ApiTest::seed_backups() {
  const std::string number = "01jd8yq5x8c5v0m6r7k2n4t9wz";
  sql("truncate backups, backup_plans, backup_schedules, backup_restores, backup_destinations");
  Backup backup;
  backup.id = *BackupId::parse("bak_" + number);
  backup.origin = *origin_in(store().project("shop"), instance_id_);
  backup.destination = "local";
  backup.object_key = "shop/sample.gantry";
  backup.trigger = BackupTrigger::upload;
  backup.created_at = *parse_time("2026-11-29T03:00:00Z");
  auto folder = make_directory_destination(folder_.path() + "/backups");
  ASSERT_TRUE(folder.ok());
  SampleOrigin origin;
  const auto copied =
      take_copy(origin, VaultKey::of({}), **folder, backup.object_key, backup.id.str());
  ASSERT_TRUE(copied.ok()) << copied.error().detail;
  backup.bytes = copied->bytes;
  backup.stored_bytes = copied->stored_bytes;
  backup.sha256 = copied->sha256;
  backup.status = BackupStatus::good;
  ASSERT_TRUE(ledger_->add_backup(backup).ok());
  ASSERT_TRUE(
      ledger_->put_schedules(instance_id_, *backup_profile("standard"), backup.created_at).ok());
  Restore restore;
  restore.id = *RestoreId::parse("rst_" + number);
  restore.backup_id = backup.id;
  restore.instance_id = instance_id_;
  restore.created_at = backup.created_at;
  ASSERT_TRUE(ledger_->add_restore(restore).ok());
  BackupDestination offsite;
  offsite.name = "offsite";
  offsite.kind = "s3";
  offsite.secret_access_key = "nobody reads it";
  ASSERT_TRUE(ledger_->put_destination(offsite).ok());
}

std::string ApiTest::target(const Operation& operation) const {
  std::string path = operation.path;
  for (auto [name, example] : operation.path_examples) {
    const bool decides = path.ends_with("/approve") || path.ends_with("/reject");
    if (name == "deployment") example = decides ? held_id_ : deployment_id_;
    if (name == "invitation") example = invitation_id_;
    if (name == "token") example = token_id_;
    if (name == "volume" && operation.path.starts_with("/v1/volumes")) example = volume_id_;
    path.replace(path.find("{" + name + "}"), name.size() + 2, example);
  }
  return path + operation.query_example;
}

Call ApiTest::call(const Operation& operation) const {
  Call made{.method = upper(operation.method), .target = target(operation)};
  if (!operation.body_schema.is_null()) made.body = operation.body_example.dump();
  if (operation.id == "accept_invitation") {
    Json body = operation.body_example;
    body["secret"] = invitation_secret_;
    made.body = body.dump();
  }
  if (operation.opaque_body) made.body = kArchive;
  if (operation.id == "post_hook") {
    made.body = "{}";
    made.headers = {{"x-gitlab-token", kHookSecret}};
  }
  return made;
}

std::string ApiTest::project_token(const std::string& project, const std::string& environment) {
  const auto made =
      post("/v1/tokens", {{"name", "test"}, {"project", project}, {"environment", environment}});
  expect(made, 201);
  return json(made)["secret"];
}

api::Response ApiTest::as(std::string token, const Call& made) {
  const std::string own = std::exchange(token_, std::move(token));
  auto response = send(made);
  token_ = own;
  return response;
}

void ApiTest::seed() {
  const std::string own = json(get("/v1/token"))["id"];
  for (const Token& token : store().tokens())
    if (token.id.str() != own) expect(del("/v1/tokens/" + token.id.str()), 204);
  for (const ProjectPtr& project : store().projects())
    expect(del("/v1/projects/" + project->project.id.str()), 204);
  for (const User& user : people_->users()) expect(del("/v1/users/" + user.id.str()), 204);
  sql("delete from volumes");  // of projects that are gone
  expect(post("/v1/projects", {{"name", "shop"}}), 201);
  expect(post("/v1/projects/shop/environments", {{"name", "elsewhere"}}), 201);
  expect(post("/v1/projects/shop/environments", {{"name", "former"}}), 201);
  expect(del("/v1/projects/shop/environments/former"), 204);
  expect(
      post("/v1/projects/shop/services", {{"name", "api"}, {"source", {{"image", "nginx:1.27"}}}}),
      201);
  expect(post("/v1/projects/shop/services", {{"name", "idle"}, {"environment", "elsewhere"}}), 201);
  expect(put("/v1/projects/shop/environments/production/variables/LOG_LEVEL", {{"value", "info"}}),
         201);
  expect(put(kInstance + "/variables/LOG_LEVEL", {{"value", "${{shared.LOG_LEVEL}}"}}), 201);
  expect(put(kInstance + "/variables/STAGED?stage=true", {{"value", "later"}}), 202);
  sql("update staged_changes set id = 'stg_01jd8yq5x8c5v0m6r7k2n4t9wz'");
  upload(kArchiveDigest, kArchive);
  seed_volumes();
  const auto issued =
      post("/v1/tokens", {{"name", "ci"}, {"project", "shop"}, {"environment", "production"}});
  expect(issued, 201);
  token_id_ = json(issued)["id"];
  seed_people();
  const auto deployed = post(kInstance + "/deployments", Json::object());
  expect(deployed, 202);
  deployment_id_ = json(deployed)["id"];
  instance_id_ = *InstanceId::parse(json(deployed)["instance_id"].get<std::string>());
}

std::string ApiTest::folder_of(const VolumeId& id) const {
  return volumes_folder_.path() + "/" + id.str();
}

void ApiTest::seed_volumes() {
  for (const char* name : {"data", "old"}) {
    const auto made = post(kVolumes, {{"name", name}});
    expect(made, 201);
    const auto id = *VolumeId::parse(json(made)["id"].get<std::string>());
    std::filesystem::create_directory(folder_of(id));
    std::ofstream(folder_of(id) + "/hello.txt") << "hello";
    volume_id_ = id.str();
  }
  expect(del(kVolumes + "/old"), 204);
}

void ApiTest::upload(const std::string& digest, const std::string& archive) {
  const auto sent = send({.method = "PUT",
                          .target = "/v1/projects/shop/sources/" + digest,
                          .body = archive,
                          .headers = {{"content-type", "application/gzip"}}});
  expect(sent, 201);
}

void ApiTest::deploy_status(DeploymentStatus status) {
  const auto recorded =
      store().record_status({.deployment_id = *DeploymentId::parse(deployment_id_),
                             .instance_id = instance_id_,
                             .status = status,
                             .reason = ""});
  ASSERT_TRUE(recorded.ok()) << recorded.error().detail;
}

std::string header(const api::Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

Json json(const api::Response& response) { return Json::parse(response.body); }
std::string code(const api::Response& response) { return json(response).value("code", ""); }

std::vector<std::string> pointers(const api::Response& response) {
  std::vector<std::string> found;
  const Json problem = json(response);
  for (const Json& error : problem.at("errors"))
    found.push_back(error.value("pointer", "?" + error.value("parameter", "")));
  return found;
}

}  // namespace gantry::testing
