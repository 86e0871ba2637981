// Volumes on the real engine: whatever people, programs, the daemon and the engine do, a sentinel
// in each can be read until its row is purged.
#include <random>

#include <gtest/gtest.h>
#include <unistd.h>

#include "proto/percent.hpp"
#include "runtime/docker/codec.hpp"
#include "runtime/docker/engine_client.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/private_engine.hpp"

namespace gantry::testing {
namespace {

constexpr const char* kEnvironment = "/environments/production";

// One that a story knows of.
struct Known {
  std::string id, name, sentinel, service;  // service: that mounts it; empty: none
  bool deleted = false;
};

class Keeper {
 public:
  Keeper(Gantry& gantry, std::string project)
      : gantry_(gantry), project_(std::move(project)), base_("/v1/projects/" + project_) {}

  std::string volumes() const { return base_ + kEnvironment + "/volumes"; }
  std::string service(const std::string& name) const {
    return base_ + kEnvironment + "/services/" + name;
  }
  // In all environments.
  std::string whole_service(const std::string& name) const { return base_ + "/services/" + name; }
  std::string create_service(const std::string& name) {
    return gantry_.create(name,
                          {{"draining_seconds", 1},
                           {"healthcheck_timeout_seconds", 60},
                           {"rollout", {{"observe_seconds", 0}}},
                           {"traffic", {{"drain_seconds", 1}, {"stream_drain_seconds", 1}}}},
                          "gantry-test/web:1", project_);
  }

  // A volume that is mounted in a running container, with its sentinel.
  Known make(const std::string& name, const std::string& service_name) {
    const auto made = gantry_.api("POST", volumes(),
                                  {{"name", name},
                                   {"size_bytes", 1 << 30},
                                   {"service", service_name},
                                   {"mount_path", "/" + name}});
    EXPECT_EQ(made.status, 201) << made.http.body;
    Known known{.id = made.json.value("id", ""),
                .name = name,
                .sentinel = "sentinel of " + project_ + "/" + name,
                .service = service_name};
    if (gantry_.get(service(service_name) + "/deployments")["data"].empty())
      gantry_.deploy(service(service_name));
    EXPECT_TRUE(within(60, [&] { return volume(known.id).value("made", false); }))
        << gantry_.state_of(service(service_name));
    const auto written =
        gantry_.raw({.method = "PUT",
                     .path = volumes() + "/" + known.id + "/content?path=/sentinel",
                     .body = known.sentinel});
    EXPECT_EQ(written.status, 201) << written.http.body;
    return known;
  }
  Json volume(const std::string& id) {
    const Json found = gantry_.get(volumes() + "/" + id);
    return found.is_object() ? found : Json::object();
  }
  std::string read(const Known& known) {
    return gantry_.api("GET", volumes() + "/" + known.id + "/content?path=/sentinel").http.body;
  }
  // Whether the service's only running container has the sentinel where it is mounted.
  bool in_container(const Known& known) {
    const auto containers = gantry_.containers(service(known.service));
    const std::string path = volume(known.id).value("mount_path", "") + "/sentinel";
    for (const SeenContainer& container : containers) {
      if (!container.running) continue;
      const auto archive = gantry_.engine(
          "GET", "/containers/" + container.id + "/archive?path=" + percent_encode(path));
      return archive.status == 200 && archive.body.find(known.sentinel) != std::string::npos;
    }
    return false;
  }
  int act(const std::string& id, const std::string& verb, const Json& body = Json::object()) {
    return gantry_.api("POST", volumes() + "/" + id + "/" + verb, body).status;
  }

 private:
  Gantry& gantry_;
  const std::string project_, base_;
};

// One random story of two services.
class Sequence {
 public:
  Sequence(Gantry& gantry, PrivateEngine* engine, int number)
      : gantry_(gantry),
        engine_(engine),
        keeper_(gantry, "stories"),
        number_(std::to_string(number)),
        dice_(static_cast<unsigned>(number)) {}

  void run() {
    for (const std::string& name : {a(), b()}) keeper_.create_service(name);
    known_.push_back(keeper_.make("first" + number_, a()));
    for (int step = 0; step < 8 && !::testing::Test::HasFailure(); ++step) {
      deed();
      check();
    }
    settle();
    if (::testing::Test::HasFailure()) ADD_FAILURE() << story_;
  }

 private:
  int below(int n) { return static_cast<int>(dice_() % static_cast<unsigned>(n)); }
  void tell(const std::string& line) { story_ += line + "\n"; }
  std::string a() const { return "a" + number_; }
  std::string b() const { return "b" + number_; }
  std::string some_service() { return below(2) == 0 ? a() : b(); }

  void deed() {
    Known& one = known_[static_cast<std::size_t>(below(static_cast<int>(known_.size())))];
    switch (below(11)) {
      case 0:
        return add();
      case 1:
      case 2:
        return deploy();
      case 3:
        return rename(one);
      case 4:
      case 5:
        return move(one);
      case 6:
        return roll_back();
      case 7:
        return one.deleted ? restore(one) : erase(one);
      case 8:
        return erase_service();
      case 9:
        tell("the daemon is killed");
        gantry_.kill();
        return gantry_.start();
      default:
        return restart_engine();
    }
  }

  void add() {
    if (known_.size() >= 3) return;
    const std::string name = "more" + std::to_string(known_.size()) + "-" + number_,
                      service = some_service();
    tell("add " + name + " to " + service);
    known_.push_back(keeper_.make(name, service));
  }
  void deploy() {
    const std::string service = some_service();
    tell("deploy " + service);
    gantry_.deploy(keeper_.service(service),
                   {{"image", "gantry-test/web:" + std::to_string(1 + below(2))}});
  }
  void roll_back() {
    const std::string service = some_service();
    const auto reply = gantry_.api("POST", keeper_.service(service) + "/rollback", Json::object());
    tell("roll back " + service + " " + std::to_string(reply.status));
    EXPECT_TRUE(reply.status == 202 || reply.status == 409) << reply.http.body;
  }
  void rename(Known& one) {
    if (one.deleted) return;
    one.name += "x";
    tell("rename " + one.id + " " + one.name);
    EXPECT_EQ(gantry_.api("PATCH", keeper_.volumes() + "/" + one.id, {{"name", one.name}}).status,
              200);
  }
  void move(Known& one) {
    if (one.deleted) return;
    if (one.service.empty() || below(4) != 0) {
      one.service = some_service();
      tell("attach " + one.id + " to " + one.service);
      EXPECT_EQ(keeper_.act(one.id, "attach", {{"service", one.service}}), 200);
    } else {
      tell("detach " + one.id);
      one.service.clear();
      EXPECT_EQ(keeper_.act(one.id, "detach"), 200);
    }
  }
  void erase(Known& one) {
    tell("delete " + one.id);
    EXPECT_EQ(gantry_.api("DELETE", keeper_.volumes() + "/" + one.id).status, 204);
    one.deleted = true;
    one.service.clear();
  }
  void restore(Known& one) {
    tell("restore " + one.id);
    EXPECT_EQ(keeper_.act(one.id, "restore"), 200);
    one.deleted = false;
  }
  void erase_service() {
    const std::string service = some_service();
    tell("delete service " + service);
    EXPECT_EQ(gantry_.api("DELETE", keeper_.whole_service(service)).status, 204);
    for (Known& one : known_)
      if (one.service == service) {
        one.deleted = true;
        one.service.clear();
      }
    keeper_.create_service(service);
    // Its deployments went with it: it has a new life under its old name.
  }
  void restart_engine() {
    if (engine_ == nullptr || below(2) != 0) return;
    tell("the engine is restarted");
    engine_->stop(below(2) == 0 ? SIGTERM : SIGKILL);
    engine_->start();
  }

  void check() {
    for (const Known& one : known_)
      EXPECT_TRUE(within(20, [&] { return keeper_.read(one) == one.sentinel; }))
          << one.id << " " << keeper_.read(one);
  }

  // In the end each is back in a container, with all that was written.
  void settle() {
    for (Known& one : known_) {
      if (one.deleted) restore(one);
      if (one.service.empty()) {
        one.service = b();
        EXPECT_EQ(keeper_.act(one.id, "attach", {{"service", b()}}), 200);
      }
    }
    for (const std::string& name : {a(), b()}) gantry_.deploy(keeper_.service(name));
    for (const std::string& name : {a(), b()})
      EXPECT_TRUE(gantry_.converged(keeper_.service(name), 1, 90))
          << gantry_.state_of(keeper_.service(name));
    check();
    for (const Known& one : known_)
      EXPECT_TRUE(within(20, [&] { return keeper_.in_container(one); })) << one.id;
    for (const std::string& name : {a(), b()})
      EXPECT_EQ(gantry_.api("DELETE", keeper_.whole_service(name)).status, 204);
  }

  Gantry& gantry_;
  PrivateEngine* engine_;
  Keeper keeper_;
  const std::string number_;
  std::minstd_rand dice_;
  std::vector<Known> known_;
  std::string story_;
};

TEST(E2eVolumes, TwentyRandomSequencesLoseNothing) {
  std::optional<PrivateEngine> engine;
  if (::geteuid() == 0 && ::access("/usr/sbin/dockerd", X_OK) == 0) engine.emplace();
  Gantry gantry({.engine_socket = engine ? engine->socket() : ""});
  // A service that is deleted just when the daemon dies leaves an orphan, which holds its volume.
  std::string config = gantry.made_config();
  config.replace(config.find("{resync_seconds"), 1, "{orphan_grace_seconds: 5, ");
  gantry.write_config(config);
  gantry.start();
  for (int number = 1; number <= 20 && !HasFailure(); ++number)
    Sequence(gantry, engine ? &*engine : nullptr, number).run();
  // All of them outlive their services and their project.
  EXPECT_EQ(gantry.api("DELETE", "/v1/projects/stories").status, 204);
  const Json all = gantry.get("/v1/volumes?limit=200")["data"];
  EXPECT_GE(all.size(), 20U);
  for (const Json& volume : all) {
    EXPECT_EQ(volume["project"], nullptr);
    EXPECT_NE(volume["purge_at"], nullptr);
  }
}

TEST(E2eVolumes, OneThatIsDeletedWithItsServiceComesBack) {
  Gantry gantry;
  gantry.start();
  Keeper keeper(gantry, "shop");
  const std::string path = keeper.create_service("web");
  Known known = keeper.make("data", "web");
  ASSERT_TRUE(gantry.converged(path, 1)) << gantry.state_of(path);
  EXPECT_TRUE(keeper.in_container(known));
  EXPECT_EQ(gantry.api("POST", path + "/scale", {{"replicas", 2}}).status, 409) << "one writer";
  ASSERT_EQ(gantry.api("DELETE", keeper.whole_service("web")).status, 204);
  EXPECT_EQ(gantry.get(keeper.volumes())["data"].size(), 0U);
  EXPECT_EQ(gantry.get(keeper.volumes() + "?deleted=true")["data"].size(), 1U);
  EXPECT_EQ(keeper.read(known), known.sentinel) << "also while it is deleted";
  keeper.create_service("other");
  ASSERT_EQ(keeper.act(known.id, "restore"), 200);
  known.service = "other";
  ASSERT_EQ(keeper.act(known.id, "attach", {{"service", "other"}, {"mount_path", "/elsewhere"}}),
            200);
  gantry.deploy(keeper.service("other"));
  ASSERT_TRUE(gantry.converged(keeper.service("other"), 1)) << gantry.state_of(path);
  EXPECT_TRUE(keeper.in_container(known));
  const auto container = gantry.containers(keeper.service("other")).at(0);
  const Json seen = Json::parse(gantry.engine("GET", "/containers/" + container.id + "/json").body);
  const std::string environ = seen["Config"]["Env"].dump();
  EXPECT_NE(environ.find("RAILWAY_VOLUME_MOUNT_PATH=/elsewhere"), std::string::npos) << environ;
  EXPECT_NE(environ.find("GANTRY_VOLUME_NAME=data"), std::string::npos) << environ;
}

TEST(E2eVolumes, GoWhenTheirGraceIsOverAndNotBefore) {
  Gantry gantry;
  gantry.write_config(gantry.made_config() +
                      "volumes: {grace_seconds: 4, measure_seconds: 1, purge_look_seconds: 1}\n");
  gantry.start();
  Keeper keeper(gantry, "shop");
  const std::string path = keeper.create_service("web");
  const Known kept = keeper.make("kept", "web"), gone = keeper.make("gone", "web");
  ASSERT_TRUE(gantry.converged(path, 1)) << gantry.state_of(path);
  EXPECT_TRUE(within(20, [&] { return keeper.volume(kept.id)["used_bytes"].is_number(); }))
      << "it is measured";
  ASSERT_EQ(gantry.api("DELETE", keeper.volumes() + "/" + gone.id).status, 204);
  EXPECT_EQ(keeper.read(gone), gone.sentinel);
  EXPECT_TRUE(within(30, [&] {
    return gantry.api("GET", keeper.volumes() + "/" + gone.id).status == 404;
  })) << "the container that had it is gone, and so is its grace";
  const std::string filter = docker::label_filter(docker::kVolumeLabel, gone.id);
  EXPECT_EQ(Json::parse(gantry.engine("GET", "/volumes?" + filter).body)["Volumes"].size(), 0U);
  EXPECT_EQ(keeper.read(kept), kept.sentinel);
  EXPECT_EQ(gantry.get("/v1/volumes")["data"].size(), 1U);
}

}  // namespace
}  // namespace gantry::testing
