#include "store/edits.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

Place place(const Service& service) {
  return {.project_id = service.project_id, .environment_id = "", .service_id = service.id.str()};
}

}  // namespace

Result<Service> PgTransaction::create_service(const ProjectId& project_id, const Name& name) {
  return verb([&]() -> Result<Service> {
    const ServiceId id = ServiceId::make(store_.clock().now());
    const Service service = service_from(work_->exec_params1(
        std::string("insert into services (id, project_id, name, created_at, updated_at) values "
                    "($1, $2, $3, $4, $4) returning ") +
            kServiceColumns,
        id.str(), project_id.str(), name.str(), now()));
    edit(project_id, id.str(), record("service.created", place(service), name.str()),
         [service](ProjectSnapshot& project) { edits::put_service(project, service); });
    return service;
  });
}

Result<Service> PgTransaction::rename_service(const ServiceId& id, const Name& name,
                                              IfMatch if_match) {
  return verb([&]() -> Result<Service> {
    GANTRY_TRY(lock_row("services", id.str(), "service", if_match));
    const Service service = service_from(work_->exec_params1(
        std::string("update services set name = $2, version = version + 1, updated_at = $3 where "
                    "id = $1 returning ") +
            kServiceColumns,
        id.str(), name.str(), now()));
    edit(service.project_id, id.str(), record("service.renamed", place(service), name.str()),
         [service](ProjectSnapshot& project) { edits::put_service(project, service); });
    return service;
  });
}

Result<> PgTransaction::delete_service(const ServiceId& id, IfMatch if_match) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(lock_row("services", id.str(), "service", if_match));
    notify_all_below("i.service_id", id.str());
    GANTRY_TRY(end_splits_to("service_id", id.str()));
    mark_volumes("instance_id in (select i.id from service_instances i where i.service_id = $1)",
                 id.str());
    const Service gone = service_from(work_->exec_params1(
        std::string("delete from services where id = $1 returning ") + kServiceColumns, id.str()));
    edit(gone.project_id, id.str(), record("service.deleted", place(gone), gone.name.str()),
         [id](ProjectSnapshot& project) { edits::drop_service(project, id); });
    return done();
  });
}

}  // namespace gantry
