// One PostgreSQL transaction behind the port's verbs; each noun's verbs are in its own file
// (projects.cpp, variables.cpp ...). Belongs to one thread. After a statement failed, every verb
// and the commit fail.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

#include "proto/jobs.hpp"
#include "proto/people.hpp"
#include "proto/staged.hpp"
#include "store/errors.hpp"
#include "store/pg_store.hpp"

namespace gantry {

// Where an instance or environment is.
struct Place {
  ProjectId project_id;
  std::string environment_id = {};
  std::string service_id = {};
  std::string instance_id = {};
};

// BEGIN is sent with the first statement.
class LazyWork {
 public:
  explicit LazyWork(pqxx::connection& connection) : connection_(connection) {}
  pqxx::work* operator->() {
    if (!work_) work_.emplace(connection_);
    return &*work_;
  }
  pqxx::work& operator*() { return *operator->(); }
  bool begun() const { return work_.has_value(); }
  void reset() { work_.reset(); }

 private:
  pqxx::connection& connection_;
  std::optional<pqxx::work> work_;
};

class PgTransaction final : public Transaction,
                            public PeopleVerbs,
                            public StagedVerbs,
                            public JobVerbs {
 public:
  PgTransaction(PgStore&, ConnectionPool::Lease, const Actor&);
  ~PgTransaction() override;

  Result<Project> create_project(const Name&) override;
  Result<Project> rename_project(const ProjectId&, const Name&, IfMatch) override;
  Result<> delete_project(const ProjectId&, IfMatch) override;
  Result<Environment> create_environment(const ProjectId&, const Name&) override;
  Result<Environment> rename_environment(const EnvironmentId&, const Name&, IfMatch) override;
  Result<Environment> protect_environment(const EnvironmentId&, const Protection&,
                                          IfMatch) override;
  Result<> delete_environment(const EnvironmentId&, IfMatch) override;
  Result<Environment> restore_environment(const EnvironmentId&) override;
  Result<> purge_environment(const EnvironmentId&,
                             std::optional<TimePoint> deleted_before) override;
  Result<> copy_environment(const EnvironmentId& from, const EnvironmentId& to) override;
  Result<Service> create_service(const ProjectId&, const Name&) override;
  Result<Service> rename_service(const ServiceId&, const Name&, IfMatch) override;
  Result<> delete_service(const ServiceId&, IfMatch) override;
  Result<ServiceInstance> create_instance(const ServiceId&, const EnvironmentId&,
                                          const Settings&) override;
  Result<ServiceInstance> update_settings(const InstanceId&, const Settings&, IfMatch) override;
  Result<ServiceInstance> bump_restart_epoch(const InstanceId&) override;
  Result<> delete_instance(const InstanceId&, IfMatch) override;
  Result<Variable> put_shared_variable(const EnvironmentId&, std::string_view name,
                                       std::string_view value, IfMatch) override;
  Result<Variable> put_variable(const InstanceId&, std::string_view name, std::string_view value,
                                IfMatch) override;
  Result<> delete_shared_variable(const EnvironmentId&, std::string_view name, IfMatch) override;
  Result<> delete_variable(const InstanceId&, std::string_view name, IfMatch) override;
  Result<Deployment> create_deployment(const NewDeployment&) override;
  Result<Deployment> remove_deployment(const DeploymentId&, std::string_view reason) override;
  Result<Deployment> release_deployment(const DeploymentId&) override;
  Result<Deployment> skip_deployment(const DeploymentId&, std::string_view reason) override;
  Result<Deployment> order_rollout(const DeploymentId&, RolloutOrder) override;
  Result<ServiceInstance> add_domain(const InstanceId&, std::string_view host) override;
  Result<ServiceInstance> move_domain(std::string_view host, const InstanceId& to) override;
  Result<ServiceInstance> remove_domain(const InstanceId&, std::string_view host) override;
  Result<ServiceInstance> set_split(const InstanceId&, const std::optional<TrafficSplit>&,
                                    IfMatch) override;
  Result<ServiceInstance> set_tcp_proxy(const InstanceId&, const std::optional<TcpProxy>&,
                                        IfMatch) override;
  Result<Volume> create_volume(const NewVolume&) override;
  Result<Volume> change_volume(const VolumeId&, const VolumeChange&, IfMatch) override;
  Result<Volume> attach_volume(const VolumeId&, const InstanceId&,
                               std::string_view mount_path) override;
  Result<Volume> detach_volume(const VolumeId&) override;
  Result<Volume> delete_volume(const VolumeId&, IfMatch) override;
  Result<Volume> restore_volume(const VolumeId&, const EnvironmentId& to) override;
  Result<IssuedToken> create_token(const Token&) override;
  Result<> revoke_token(const TokenId&) override;
  Result<std::optional<IdempotencyRecord>> find_idempotency(const std::string& key,
                                                            const std::string& token_id) override;
  Result<> remember_idempotency(const IdempotencyRecord&) override;
  void only_one_verb() override { only_one_verb_ = true; }
  Result<> commit() override;

  Result<User> create_user(const Name&) override;
  Result<> remove_user(const UserId&) override;
  Result<Membership> add_member(const Membership&) override;
  Result<Membership> change_member(const Membership&) override;
  Result<> remove_member(const Membership&) override;
  Result<> leave(const UserId&, const ProjectId&, const EnvironmentId&) override;
  Result<IssuedInvitation> create_invitation(const Invitation&) override;
  Result<> revoke_invitation(const InvitationId&) override;
  Result<Invitation> find_invitation(std::string_view secret) override;
  Result<Membership> accept_invitation(const InvitationId&, const UserId&) override;
  bool has_recorded() const override { return xid_ != 0; }
  Result<std::vector<StagedChange>> staged(const EnvironmentId&) override;
  Result<std::vector<StagedChange>> stage(const EnvironmentId&, std::vector<StagedChange>) override;
  Result<int> unstage(const EnvironmentId&, const std::string& id) override;
  Result<> rehearse(const std::function<Result<>()>& body) override;
  Result<> add_run(const JobRun&, const RunLimits&) override;
  Result<JobRun> cancel_run(const RunId&, std::string_view reason, TimePoint now) override;
  bool has_asked() const override { return has_asked_; }

  // ---- the scheduler's verbs, each a transaction of its own ----
  Result<> set_status(const StatusChange&);
  Result<> set_progress(const ProgressChange&);
  Result<> set_rollout(const RolloutChange&);
  Result<> set_scale(const ScaleChange&);
  Result<> put_replica(const Replica&);
  Result<> put_event(const Event&);
  Result<> set_volume_made(const VolumeId&);
  Result<> set_volume_usage(const VolumeId&, std::int64_t used_bytes);
  Result<bool> mark_purging(const VolumeId&, TimePoint deleted_before);
  Result<> erase_volume(const VolumeId&);

 private:
  using Apply = std::function<void(ProjectSnapshot&)>;

  // Runs a verb: exceptions become errors, and an error of the database ends the transaction.
  template <class F>
  auto verb(F&& body) -> decltype(body()) {
    if (failed_) return *failed_;
    try {
      return std::forward<F>(body)();
    } catch (const std::exception&) {
      failed_ = translate_exception();
      return *failed_;
    }
  }

  // The event row of a write. Call it after the write, so that its number is drawn while the row is
  // locked.
  std::int64_t record(std::string_view type, const Place&, const std::string& message,
                      std::string_view deployment_id = {}, std::string_view replica_id = {});
  void edit(const ProjectId&, const std::string& row, std::int64_t seq, Apply,
            Edit::Kind kind = Edit::Kind::change);
  // The scheduler must look at this instance: wakes it here and, by NOTIFY, in other processes.
  void notify(const InstanceId&);
  // Other processes read everything again.
  void notify_others(const std::string& key);
  Result<Environment> change_environment(const EnvironmentId&, const std::string& change,
                                         std::string_view event);
  std::optional<TimePoint> deleted_at(const EnvironmentId&);
  void edit_token(std::int64_t seq, Edit::Kind, TokenRow);
  void edit_people(std::int64_t seq, const std::string& row, std::function<void(PeopleTable&)>);
  // The first locks the project's row until the end.
  Result<> check_decides(const ProjectId&, const EnvironmentId&);
  Result<Membership> lock_membership(const Membership&);
  Result<> check_last_owner(const Membership&);
  Membership put_member(const Membership&);
  Membership put_role(const Membership&);
  void drop_member(const Membership&, std::string_view event);
  bool owns(const UserId&, const ProjectId&, const EnvironmentId&);
  void notify_all_below(const std::string& condition, const std::string& id);
  std::string now() const;
  std::string who() const;

  Result<Place> place_of(const InstanceId&);
  Result<Place> place_of(const EnvironmentId&);
  // Locks the row of an owner until the end and says its version; Code::not_found, or Code::stale.
  Result<> lock_row(const char* table, const std::string& id, const char* noun, IfMatch);

  // With its own commit: one round trip. A broken connection leaves open whether it took place.
  template <class F>
  pqxx::row run_and_commit(F&& statement);
  Result<Variable> put(const Place&, std::string_view name, std::string_view value, IfMatch);
  Result<> erase(const Place&, std::string_view name, IfMatch);
  Result<> lock_variable(const Place&, std::string_view name, IfMatch);
  std::optional<ServiceInstance> insert_instance(const ServiceInstance&);
  // `row` is as it is after the write.
  Result<ServiceInstance> announce_instance(const pqxx::row& row, std::string_view event,
                                            const std::string& message = {});
  Result<ServiceInstance> touch_instance(const InstanceId&, std::string_view event,
                                         const std::string& message);
  Result<> lock_both(const InstanceId&, const InstanceId&);
  Result<> end_splits_to(const std::string& column, const std::string& id);
  Volume announce_volume(const pqxx::row& row, std::string_view event,
                         const std::string& message = {});
  Result<Volume> lock_volume(const VolumeId&, IfMatch);
  Result<Volume> lock_volume_with(const VolumeId&, const InstanceId& other);
  Result<> remount(const InstanceId&, const std::string& message);
  Result<> copy_volumes(const InstanceId& from, const ServiceInstance& to);
  void mark_volumes(const std::string& condition, const std::string& id);
  Result<> check_single(const InstanceId&, const DeploySettings&);
  // Whether this daemon may still act, as long as the transaction lasts; Code::conflict
  // "lease_lost".
  Result<> check_lease();
  // Locks the instance of a deployment and says where it is.
  Result<Place> lock_deployment(const DeploymentId&);
  Deployment announce_deployment(const pqxx::row& row, const Place&, std::string_view event,
                                 const std::string& message);
  Deployment announce_status(const pqxx::row& row, const Place&, std::string_view event);
  Result<> check_newest(const NewDeployment&);
  Result<> check_image(const NewDeployment&, const Place&);
  // Why a deployment waits for a person there; empty: it does not.
  std::string approval_reason(const Place&, const DeploymentId&);
  Result<pqxx::row> end_hold(const DeploymentId&, DeploymentStatus, std::string_view reason);
  void scale_live(const InstanceId&, int replicas);
  void supersede(const Place&, const char* statuses, const DeploymentId& by,
                 const std::optional<DeploymentId>& but);

  PgStore& store_;
  const Actor actor_;
  std::optional<ConnectionPool::Lease> lease_;
  LazyWork work_;
  std::optional<Error> failed_;
  std::uint64_t xid_ = 0;
  bool only_one_verb_ = false;
  bool has_asked_ = false;  // for a run, or for its end
  bool done_ = false;       // committed by a verb, not yet published
  bool committed_ = false;  // and published
  std::vector<Edit> edits_;
  std::set<InstanceId> changed_;
};

Error stale(std::int64_t version);

// What `body` does with a transaction of its own; committed when it succeeds.
template <class F>
auto alone(PgStore& store, F&& body) -> decltype(body(std::declval<PgTransaction&>())) {
  auto transaction = store.begin_transaction({});
  if (!transaction) return transaction.error();
  auto result = std::forward<F>(body)(**transaction);
  if (!result) return result;
  GANTRY_TRY((*transaction)->commit());
  return result;
}

}  // namespace gantry
