// A package.json, and the tool that installs what it asks for. For the Node files of this folder.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "detect/provider.hpp"

namespace gantry::detecting {

// With everything that is missing or of another type as empty.
class Package {
 public:
  static Result<Package> read(const Source& source, const std::string& path);

  std::string text(const char* key) const;
  std::string script(const char* name) const;
  std::string engine(const char* name) const;
  bool depends_on(const char* name) const;
  std::vector<std::string> workspaces() const;

 private:
  const nlohmann::json& at(const char* key) const;

  nlohmann::json json_;
};

struct PackageTool {
  std::string name = "npm";
  std::string version;  // exact or major; empty: the image's own
  std::string lockfile;
};

// packageManager, then the lockfile, then npm.
PackageTool tool_of(const Source& source, const Package& package, DetectedPlan& plan);
// Its shell commands; the first is empty when the image has the tool.
std::string install_tool(const PackageTool& tool);
std::string install_command(const Source& source, const PackageTool& tool);
// A mount for what it downloads.
std::string cache_of(const PackageTool& tool);

}  // namespace gantry::detecting
