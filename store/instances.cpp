#include <cstdint>

#include <sys/random.h>

#include "proto/codec.hpp"
#include "store/edits.hpp"
#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

constexpr std::size_t kLabelMax = 63;
constexpr int kLabelAttempts = 64;

// "<service>-<environment>"; with a suffix it is cut so that the whole fits into a DNS label.
std::string with_suffix(std::string label) {
  std::uint16_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random)
    throw std::runtime_error("the kernel gave no random bytes");
  const std::string bytes{static_cast<char>(random >> 8), static_cast<char>(random & 0xff)};
  label.resize(std::min(label.size(), kLabelMax - 5));
  while (label.ends_with('-')) label.pop_back();
  return label + "-" + hex(bytes);
}

}  // namespace

std::optional<ServiceInstance> PgTransaction::insert_instance(const ServiceInstance& wanted) {
  const auto rows = work_->exec_params(
      std::string("insert into service_instances (id, service_id, environment_id, settings, "
                  "host_label, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $6) "
                  "on conflict (host_label) do nothing returning ") +
          kInstanceColumns,
      wanted.id.str(), wanted.service_id.str(), wanted.environment_id.str(),
      settings_json(wanted.settings), wanted.host_label, now());
  if (rows.empty()) return std::nullopt;
  return instance_from(rows[0]);
}

Result<ServiceInstance> PgTransaction::create_instance(const ServiceId& service_id,
                                                       const EnvironmentId& environment_id,
                                                       const Settings& settings) {
  return verb([&]() -> Result<ServiceInstance> {
    const auto rows = work_->exec_params(
        "select s.name, e.name, s.project_id, i.id from services s "
        "join environments e on e.project_id = s.project_id "
        "left join service_instances i on i.service_id = s.id and i.environment_id = e.id "
        "where s.id = $1 and e.id = $2",
        service_id.str(), environment_id.str());
    if (rows.empty()) return not_found("such service and environment in one project");
    if (!rows[0][3].is_null())
      return Error{Code::conflict, "instance_exists", "the service is in this environment already"};
    const std::string label = std::string(rows[0][0].c_str()) + "-" + rows[0][1].c_str();
    ServiceInstance wanted{.id = InstanceId::make(store_.clock().now()),
                           .service_id = service_id,
                           .environment_id = environment_id,
                           .settings = settings,
                           .host_label = label,
                           .stamp = {}};
    auto inserted = insert_instance(wanted);
    for (int i = 0; !inserted && i < kLabelAttempts; ++i) {
      wanted.host_label = with_suffix(label);
      inserted = insert_instance(wanted);
    }
    if (!inserted)
      return Error{Code::exhausted, "host_labels_exhausted",
                   "too many services would have the host name " + label + ": rename this one"};
    const ProjectId project_id = *ProjectId::parse(rows[0][2].c_str());
    const Place place{project_id, environment_id.str(), service_id.str(), wanted.id.str()};
    edit(project_id, wanted.id.str(), record("instance.created", place, inserted->host_label),
         [instance = *inserted](ProjectSnapshot& p) { edits::put_instance(p, instance); });
    notify(wanted.id);
    return *inserted;
  });
}

Result<ServiceInstance> PgTransaction::announce_instance(const pqxx::row& row,
                                                         std::string_view event,
                                                         const std::string& message) {
  const ServiceInstance instance = instance_from(row);
  const auto place = place_of(instance.id);
  if (!place) return place.error();
  edit(place->project_id, instance.id.str(), record(event, *place, message),
       [instance](ProjectSnapshot& project) { edits::put_instance(project, instance); });
  notify(instance.id);
  return instance;
}

Result<ServiceInstance> PgTransaction::update_settings(const InstanceId& id,
                                                       const Settings& settings, IfMatch if_match) {
  return verb([&]() -> Result<ServiceInstance> {
    GANTRY_TRY(lock_row("service_instances", id.str(), "service instance", if_match));
    GANTRY_TRY(check_single(id, settings.deploy));
    const auto row = work_->exec_params1(
        std::string("update service_instances set settings = $2::jsonb, generation = generation + "
                    "1, version = version + 1, updated_at = $3 where id = $1 returning ") +
            kInstanceColumns,
        id.str(), settings_json(settings), now());
    scale_live(id, settings.deploy.replicas);
    return announce_instance(row, "instance.updated");
  });
}

Result<ServiceInstance> PgTransaction::bump_restart_epoch(const InstanceId& id) {
  return verb([&]() -> Result<ServiceInstance> {
    GANTRY_TRY(lock_row("service_instances", id.str(), "service instance", {}));
    const auto row = work_->exec_params1(
        std::string("update service_instances set restart_epoch = restart_epoch + 1, generation = "
                    "generation + 1, version = version + 1, updated_at = $2 where id = $1 "
                    "returning ") +
            kInstanceColumns,
        id.str(), now());
    return announce_instance(row, "instance.restarted");
  });
}

Result<> PgTransaction::delete_instance(const InstanceId& id, IfMatch if_match) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(lock_row("service_instances", id.str(), "service instance", if_match));
    const auto place = place_of(id);
    if (!place) return place.error();
    GANTRY_TRY(end_splits_to("id", id.str()));
    mark_volumes("instance_id = $1", id.str());
    work_->exec_params0("delete from service_instances where id = $1", id.str());
    edit(place->project_id, id.str(), record("instance.deleted", *place, ""),
         [id](ProjectSnapshot& project) { edits::drop_instance(project, id); });
    notify(id);
    return done();
  });
}

}  // namespace gantry
