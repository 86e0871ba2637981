#include "store/transaction.hpp"

#include "store/rows.hpp"
#include "store/statements.hpp"

namespace gantry {

Error stale(std::int64_t version) {
  return {Code::stale, "version_mismatch",
          "the current version is " + std::to_string(version) + ": read it again, then retry"};
}

PgTransaction::PgTransaction(PgStore& store, ConnectionPool::Lease lease, const Actor& actor)
    : store_(store), actor_(actor), lease_(std::move(lease)), work_(**lease_) {}

PgTransaction::~PgTransaction() {
  try {
    work_.reset();
  } catch (const std::exception&) {
    failed_ = database_unreachable();  // the connection is closed with its lease
  }
  lease_.reset();
  if (done_ && !committed_) store_.publish(xid_, edits_, changed_);
  // Events of others may have been hidden behind this transaction until now.
  if (!committed_ && xid_ != 0) store_.tell_events();
}

std::string PgTransaction::now() const { return format_time(store_.clock().now()); }

std::int64_t PgTransaction::record(std::string_view type, const Place& place,
                                   const std::string& message, std::string_view deployment_id,
                                   std::string_view replica_id) {
  const auto row = work_->exec_prepared1(kInsertEvent, std::string(type), place.project_id.str(),
                                         place.environment_id, place.service_id, place.instance_id,
                                         std::string(deployment_id), std::string(replica_id),
                                         message, actor_.token_id, actor_.request_id, now());
  xid_ = row["xid"].as<std::uint64_t>();
  return row["seq"].as<std::int64_t>();
}

void PgTransaction::edit(const ProjectId& project_id, const std::string& row, std::int64_t seq,
                         Apply apply, Edit::Kind kind) {
  edits_.push_back({project_id, row, seq, std::move(apply), kind});
}

void PgTransaction::notify(const InstanceId& id) {
  if (!changed_.insert(id).second) return;
  work_->exec_params("select pg_notify('gantry', $1)", id.str());
}

void PgTransaction::notify_others(const std::string& key) {
  work_->exec_params("select pg_notify('gantry', $1)", key);
}

void PgTransaction::notify_all_below(const std::string& condition, const std::string& id) {
  for (const auto& row :
       work_->exec_params("select i.id, pg_notify('gantry', i.id) from service_instances i "
                          "join services s on s.id = i.service_id where " +
                              condition + " = $1",
                          id))
    changed_.insert(*InstanceId::parse(row[0].c_str()));
}

Result<Place> PgTransaction::place_of(const InstanceId& id) {
  if (const auto project = store_.memory().project_of(id)) {
    const auto found = project->instances.find(id);
    if (found != project->instances.end()) {
      const ServiceInstance& instance = found->second->instance;
      return Place{project->project.id, instance.environment_id.str(), instance.service_id.str(),
                   id.str()};
    }
  }
  const auto rows = work_->exec_params(
      "select s.project_id, i.environment_id, i.service_id from service_instances i "
      "join services s on s.id = i.service_id where i.id = $1",
      id.str());
  if (rows.empty()) return not_found("service instance " + id.str());
  return Place{*ProjectId::parse(rows[0][0].c_str()), rows[0][1].c_str(), rows[0][2].c_str(),
               id.str()};
}

Result<Place> PgTransaction::place_of(const EnvironmentId& id) {
  if (const auto project = store_.memory().project_of(id))
    return Place{project->project.id, id.str(), "", ""};
  const auto rows =
      work_->exec_params("select project_id from environments where id = $1", id.str());
  if (rows.empty()) return not_found("environment " + id.str());
  return Place{*ProjectId::parse(rows[0][0].c_str()), id.str(), "", ""};
}

Result<> PgTransaction::lock_row(const char* table, const std::string& id, const char* noun,
                                 IfMatch if_match) {
  const auto rows = work_->exec_params(
      std::string("select version from ") + table + " where id = $1 for no key update", id);
  if (rows.empty()) return not_found(std::string(noun) + " " + id);
  const auto version = rows[0][0].as<std::int64_t>();
  if (if_match && *if_match != version) return stale(version);
  return done();
}

Result<> PgTransaction::commit() {
  const auto committed = verb([&]() -> Result<> {
    if (work_.begun()) work_->commit();
    return done();
  });
  if (!committed) {
    if (committed.error().reason == "commit_in_doubt" ||
        committed.error().code == Code::unavailable)
      store_.suspect();
    return committed.error();
  }
  committed_ = true;
  work_.reset();
  lease_.reset();
  store_.publish(xid_, edits_, changed_);
  return done();
}

}  // namespace gantry
