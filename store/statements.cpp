#include "store/statements.hpp"

namespace gantry {
namespace {

// The event takes its number from the upsert's row, so the row is locked before the number is
// drawn.
constexpr const char* kPutVariableSql = R"sql(
with v as (
  insert into variables (environment_id, instance_id, name, value, created_at, updated_at)
  values ($1::text, $2::text, $3::text, $4::bytea, $5::timestamptz, $5::timestamptz)
  on conflict (instance_id, name) where instance_id is not null
  do update set value = excluded.value, updated_at = excluded.updated_at, version = variables.version + 1
  returning version, created_at),
e as (
  insert into events (type, project_id, environment_id, service_id, instance_id, deployment_id, replica_id,
                      message, token_id, request_id, at)
  select 'variable.set', $6::text, $1::text, $7::text, $2::text, '', '', $3::text, $8::text, $9::text,
         $5::timestamptz
  from v
  returning seq, xid)
select v.version, v.created_at, e.seq, e.xid::text as xid from v, e)sql";

constexpr const char* kPutSharedVariableSql = R"sql(
with v as (
  insert into variables (environment_id, name, value, created_at, updated_at)
  values ($1::text, $2::text, $3::bytea, $4::timestamptz, $4::timestamptz)
  on conflict (environment_id, name) where instance_id is null
  do update set value = excluded.value, updated_at = excluded.updated_at, version = variables.version + 1
  returning version, created_at),
e as (
  insert into events (type, project_id, environment_id, service_id, instance_id, deployment_id, replica_id,
                      message, token_id, request_id, at)
  select 'variable.set', $5::text, $1::text, '', '', '', '', $2::text, $6::text, $7::text, $4::timestamptz
  from v
  returning seq, xid)
select v.version, v.created_at, e.seq, e.xid::text as xid from v, e)sql";

constexpr const char* kInsertEventSql = R"sql(
insert into events (type, project_id, environment_id, service_id, instance_id, deployment_id, replica_id, message,
                    token_id, request_id, at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::timestamptz)
returning seq, xid::text as xid)sql";

constexpr const char* kPutReplicaSql = R"sql(
with old as (select status from replicas where id = $1)
insert into replicas (id, deployment_id, instance_id, status, reason, container_id, node, address, ready, restarts,
                      exit_code, started_at, exited_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::boolean, $10::integer, $11::integer, $12::timestamptz,
        $13::timestamptz, $14::timestamptz)
on conflict (id) do update set
  status = excluded.status, reason = excluded.reason, container_id = excluded.container_id,
  node = excluded.node, address = excluded.address, ready = excluded.ready, restarts = excluded.restarts,
  exit_code = excluded.exit_code, started_at = excluded.started_at, exited_at = excluded.exited_at,
  updated_at = excluded.updated_at
returning (select status from old) as old_status)sql";

}  // namespace

void prepare_statements(pqxx::connection& connection) {
  connection.prepare(kPutVariable, kPutVariableSql);
  connection.prepare(kPutSharedVariable, kPutSharedVariableSql);
  connection.prepare(kInsertEvent, kInsertEventSql);
  connection.prepare(kPutReplica, kPutReplicaSql);
}

}  // namespace gantry
