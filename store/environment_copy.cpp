// A new environment like another one: what is configured, not what was deployed.
#include <map>

#include "store/rows.hpp"
#include "store/transaction.hpp"

namespace gantry {

// Empty ones of the same names at the same places: data is copied by backups.
Result<> PgTransaction::copy_volumes(const InstanceId& from, const ServiceInstance& to) {
  for (const auto& row : work_->exec_params(
           std::string("select ") + kVolumeColumns +
               " from volumes where instance_id = $1 and deleted_at is null order by id for share",
           from.str())) {
    const Volume original = volume_from(row);
    const auto copy = create_volume({to.environment_id, original.name, original.size_bytes});
    if (!copy) return copy.error();
    if (const auto attached = attach_volume(copy->id, to.id, original.mount_path); !attached)
      return attached.error();
  }
  return done();
}

// The rows are held until the end, so that the copy is of one moment.
Result<> PgTransaction::copy_environment(const EnvironmentId& from, const EnvironmentId& to) {
  return verb([&]() -> Result<> {
    const auto shared = place_of(to);
    if (!shared) return shared.error();
    std::map<std::string, Place> places{{"", *shared}};  // by the instance that was copied
    for (const auto& row :
         work_->exec_params(std::string("select ") + kInstanceColumns +
                                " from service_instances where environment_id = $1 order by id "
                                "for share",
                            from.str())) {
      const ServiceInstance original = instance_from(row);
      const auto copy = create_instance(original.service_id, to, original.settings);
      if (!copy) return copy.error();
      GANTRY_TRY(copy_volumes(original.id, *copy));
      places[original.id.str()] = {shared->project_id, to.str(), copy->service_id.str(),
                                   copy->id.str()};
    }
    for (const auto& row :
         work_->exec_params("select coalesce(instance_id, '') as instance_id, name, value from "
                            "variables where environment_id = $1 for share",
                            from.str())) {
      const std::string instance = row["instance_id"].c_str();
      const std::string name = row["name"].c_str();
      const auto place = places.find(instance);
      if (place == places.end()) continue;  // of an instance that came in between
      const auto value =
          store_.secrets().open(bytes_from(row["value"]),
                                variable_identity(instance.empty() ? from.str() : instance, name));
      if (!value) return value.error();
      if (const auto copied = put(place->second, name, *value, {}); !copied) return copied.error();
    }
    return done();
  });
}

}  // namespace gantry
