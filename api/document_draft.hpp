// The project as it will be once a transaction's writes are committed: what variables are resolved
// in before. Every look-up takes the same time however many services there are. Belongs to one
// request.
#pragma once

#include <memory>
#include <string>

#include "api/lookup.hpp"

namespace gantry::api {

class Draft {
 public:
  explicit Draft(const Place&);

  const ProjectSnapshot& project() const { return project_; }
  const EnvironmentView& environment() const;
  // Null when the project has none of that name.
  const Service* service(const std::string& name) const;
  // Null when the environment has no service of that name.
  const InstanceView* instance(const std::string& service) const;
  // REQUIRES: it is there
  const ServiceInstance& at(const std::string& service) const {
    return instance(service)->instance;
  }
  // Null when the environment has none of that name that is not deleted.
  const Volume* volume(const std::string& name) const;
  // Whether any environment of the project has an instance of the service.
  bool is_somewhere(const ServiceId&) const;

  void put(const Service&);
  void put(const ServiceInstance&);
  void put(const Volume&);
  void put(const InstanceId&, std::shared_ptr<const Variables>);
  void put(std::shared_ptr<const Variables> shared);
  void drop(const InstanceId&);

 private:
  const std::string& service_name(const ServiceInstance&) const;

  ProjectSnapshot project_;
  std::shared_ptr<SnapshotIndex> index_;  // of project_, kept true by every put and drop
  EnvironmentId environment_;
  std::map<std::string, InstanceId> instances_;  // by service
  std::map<std::string, VolumeId> volumes_;      // by name
};

}  // namespace gantry::api
