// The project as it will be once a transaction's writes are committed: what variables are resolved
// in before. Belongs to one request.
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
  // Null when the environment has no service of that name.
  const InstanceView* instance(const std::string& service) const;
  // REQUIRES: it is there
  const ServiceInstance& at(const std::string& service) const {
    return instance(service)->instance;
  }

  void put(const Service&);
  void put(const ServiceInstance&);
  void put(const Volume&);
  void put(const InstanceId&, std::shared_ptr<const Variables>);
  void put(std::shared_ptr<const Variables> shared);
  void drop(const InstanceId&);

 private:
  ProjectSnapshot project_;
  EnvironmentId environment_;
  std::map<std::string, InstanceId> instances_;  // by service
};

}  // namespace gantry::api
