// Which images and archives may be wanted again, and what a deployment's file said.
#include <pqxx/pqxx>

#include "store/connection.hpp"
#include "store/pg_store.hpp"

namespace gantry {

Result<std::string> PgStore::deployment_config(const DeploymentId& id) {
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<std::string> {
    pqxx::nontransaction work(connection);
    const auto rows = work.exec_params("select config from deployments where id = $1", id.str());
    if (rows.empty()) return not_found("deployment " + id.str());
    return std::string(rows[0][0].c_str());
  });
}

Result<std::vector<Release>> PgStore::releases(int per_instance) {
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<std::vector<Release>> {
    pqxx::nontransaction work(connection);
    std::vector<Release> found;
    for (const auto& row : work.exec_params(
             "select r.id, r.instance_id, s.project_id, r.image, "
             "coalesce(r.settings -> 'source' ->> 'archive', '') as archive, r.live from ("
             "  select d.*, d.status not in ('FAILED', 'REMOVED', 'SKIPPED') as live,"
             "    row_number() over (partition by d.instance_id order by d.image <> '' desc, d.id "
             "desc) as rank from deployments d) r "
             "join service_instances i on i.id = r.instance_id "
             "join services s on s.id = i.service_id "
             "where r.live or (r.image <> '' and r.rank <= $1) order by r.id",
             per_instance))
      found.push_back({.instance_id = *InstanceId::parse(row["instance_id"].c_str()),
                       .project_id = *ProjectId::parse(row["project_id"].c_str()),
                       .deployment_id = *DeploymentId::parse(row["id"].c_str()),
                       .image = row["image"].c_str(),
                       .archive = row["archive"].c_str(),
                       .live = row["live"].as<bool>()});
    return found;
  });
}

}  // namespace gantry
