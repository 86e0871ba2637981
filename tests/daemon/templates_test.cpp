// The templates that come with the daemon, and an operator's folder.
#include "daemon/templates.hpp"

#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(DaemonConfigTemplates, EveryOneOfDeployTemplatesIsThere) {
  const auto all = load_templates("/nonexistent");
  std::set<std::string> names;
  for (const Template* each : all->all()) {
    names.insert(each->name);
    for (const TemplateService& service : each->services) {
      const auto whole = complete(*all, service);
      ASSERT_TRUE(whole) << each->name << ": " << whole.error().detail;
    }
  }
  EXPECT_EQ(names, (std::set<std::string>{"mariadb", "mongo", "mysql", "pgbouncer", "postgres",
                                          "redis", "valkey", "wordpress"}));
  for (const char* name : {"postgres", "mysql", "mariadb", "redis", "valkey", "mongo"}) {
    const TemplateService& service = all->find(name)->services.front();
    EXPECT_FALSE(service.exposed) << name;
    EXPECT_FALSE(service.mount_path.empty()) << name;
    EXPECT_FALSE(service.url_variable.empty()) << name;
    EXPECT_GE(service.draining_seconds, 10) << name;
    EXPECT_FALSE(service.healthcheck_command.empty()) << name;
    for (const auto* tool : {&service.tools.client, &service.tools.dump, &service.tools.restore,
                             &service.tools.inspect, &service.tools.check})
      EXPECT_FALSE(tool->empty()) << name;
  }
}

TEST(DaemonConfigTemplates, AnOperatorsFolderIsAdded) {
  const TemporaryDirectory folder;
  write(folder.path() + "/own.yaml", "name: own\nservices: [{name: own, image: own:1}]\n");
  write(folder.path() + "/redis.yml",
        "name: redis\ntitle: Ours\nservices: [{name: r, image: r}]\n");
  write(folder.path() + "/broken.yaml", "name: broken\nservces: []\n");
  write(folder.path() + "/notes.txt", "name: notes\n");
  const auto all = load_templates(folder.path());
  EXPECT_NE(all->find("own"), nullptr);
  EXPECT_EQ(all->find("redis")->title, "Ours");
  EXPECT_EQ(all->find("broken"), nullptr);
  EXPECT_EQ(all->find("notes"), nullptr);
  EXPECT_NE(all->find("postgres"), nullptr);
}

}  // namespace
}  // namespace gantry
