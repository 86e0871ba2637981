// The templates that there are: those that came with the daemon, and an operator's own, which take
// the place of others of the same name. Filled once, at the start; then only read, by any thread.
#pragma once

#include <string_view>
#include <vector>

#include "proto/template.hpp"

namespace gantry {

class TemplateCatalogue final : public Templates {
 public:
  // What cannot be read stays out; the error names the file's key and line. A name, or an alias,
  // that was there already belongs to the newer one from now on.
  Result<> add(std::string_view file_name, std::string_view yaml);

  const Template* find(std::string_view name) const override;
  std::vector<const Template*> all() const override;

 private:
  std::vector<std::unique_ptr<const Template>> templates_;  // the newest last
};

// The known name or alias that is nearest to a mistyped one; empty: none is near.
std::string nearest_template(const Templates&, std::string_view name);

}  // namespace gantry
