// The Volumes port on a SimEngine: one installation's view of it.
#pragma once

#include "runtime/sim/engine.hpp"
#include "runtime/volumes.hpp"

namespace gantry {

class SimVolumes final : public Volumes {
 public:
  // `engine` outlives this.
  SimVolumes(SimEngine& engine, InstallationId installation)
      : engine_(engine), installation_(std::move(installation)) {}

  Result<> create(const VolumeId&) override;
  Result<> remove(const VolumeId&) override;
  Result<std::vector<VolumeId>> list() override;
  Result<std::map<VolumeId, std::int64_t>> usage() override;

 private:
  Result<> reach();

  SimEngine& engine_;
  const InstallationId installation_;
};

}  // namespace gantry
