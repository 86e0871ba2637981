#include "proto/snapshot.hpp"

#include <gtest/gtest.h>

namespace gantry {
namespace {

const TimePoint kNow = TimePoint(Seconds(1'000));

struct Pieces {
  ProjectSnapshot project;
  EnvironmentId here, there;
  ServiceId service;
};

Pieces two_environments() {
  Pieces made;
  made.project.project = {.id = ProjectId::make(kNow), .name = *Name::parse("shop"), .stamp = {}};
  made.service = ServiceId::make(kNow);
  made.project.services[made.service] =
      std::make_shared<const Service>(Service{.id = made.service,
                                              .project_id = made.project.project.id,
                                              .name = *Name::parse("api"),
                                              .stamp = {}});
  for (const char* name : {"here", "there"}) {
    const auto id = EnvironmentId::make(kNow);
    (*name == 'h' ? made.here : made.there) = id;
    made.project.environments[id] = std::make_shared<const EnvironmentView>(
        EnvironmentView{.environment = {.id = id,
                                        .project_id = made.project.project.id,
                                        .name = *Name::parse(name),
                                        .stamp = {}},
                        .shared = std::make_shared<const Variables>()});
    ServiceInstance instance;
    instance.id = InstanceId::make(kNow);
    instance.service_id = made.service;
    instance.environment_id = id;
    made.project.instances[instance.id] = std::make_shared<const InstanceView>(
        InstanceView{instance, std::make_shared<const Variables>(), {}});
  }
  return made;
}

TEST(ProtoSnapshot, WithinAnEnvironmentThereIsNothingElse) {
  const Pieces made = two_environments();
  const ProjectPtr view = within(made.project, made.here);
  ASSERT_NE(view, nullptr);
  EXPECT_EQ(view->project.id, made.project.project.id);
  EXPECT_NE(view->environment("here"), nullptr);
  for (const std::string& other : {std::string("there"), made.there.str()})
    EXPECT_EQ(view->environment(other), nullptr);
  EXPECT_NE(view->service("api"), nullptr);
  EXPECT_NE(view->instance(made.service, made.here), nullptr);
  EXPECT_EQ(view->instance(made.service, made.there), nullptr);
  EXPECT_EQ(view->instances.size(), 1U);
  EXPECT_EQ(within(made.project, EnvironmentId::make(kNow)), nullptr);
}

TEST(ProtoSnapshot, AViewIsMadeOnceAndNotForACopyThatChanges) {
  const Pieces made = two_environments();
  const ProjectPtr view = within(made.project, made.here);
  EXPECT_EQ(within(made.project, made.here), view);
  ProjectSnapshot changed = made.project;
  changed.project.name = *Name::parse("renamed");
  EXPECT_EQ(within(changed, made.here)->project.name.str(), "renamed");
  EXPECT_EQ(view->project.name.str(), "shop");
}

TEST(ProtoSnapshot, AnInstanceHasItsVolumesByPathWithAndWithoutAnIndex) {
  Pieces made = two_environments();
  const InstanceId mine = made.project.instance(made.service, made.here)->instance.id;
  const InstanceId other = made.project.instance(made.service, made.there)->instance.id;
  const auto add = [&](const InstanceId& instance, const char* path, const char* state) {
    Volume volume{.id = VolumeId::make(kNow),
                  .project_id = made.project.project.id,
                  .environment_id = made.here,
                  .name = *Name::parse("data")};
    volume.instance_id = instance;
    volume.mount_path = path;
    if (state == std::string_view("deleted")) volume.deleted_at = kNow;
    made.project.volumes[volume.id] = std::make_shared<const Volume>(volume);
    return volume.id;
  };
  const VolumeId second = add(mine, "/second", "kept");
  add(mine, "/gone", "deleted");
  add(other, "/other", "kept");
  add({}, "", "kept");
  const VolumeId first = add(mine, "/first", "kept");
  for (int round = 0; round < 2; ++round) {
    const auto found = made.project.volumes_of(mine);
    ASSERT_EQ(found.size(), 2U) << "round " << round;
    EXPECT_EQ(found[0]->id, first);
    EXPECT_EQ(found[1]->id, second);
    EXPECT_EQ(made.project.volumes_of(other).size(), 1U);
    EXPECT_TRUE(made.project.volumes_of(InstanceId::make(kNow)).empty());
    made.project.index = std::make_shared<const SnapshotIndex>(made.project);
  }
}

TEST(ProtoSnapshot, KindsOfTokensTravelAsText) {
  for (const TokenKind kind : {TokenKind::account, TokenKind::project})
    EXPECT_EQ(parse_token_kind(name(kind)), kind);
  EXPECT_FALSE(parse_token_kind("Project"));
}

}  // namespace
}  // namespace gantry
