// Kubernetes resource quantities: "1000m", "0.5", "2Gi", "1.5G", "1e9". Exact, without floating
// point; rounded up, as Kubernetes does. Pure.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry {

// The quantity in thousandths ("2" is 2000, "1500m" is 1500). nullopt: not a quantity, negative, or
// beyond 2^63.
std::optional<std::int64_t> parse_millis(std::string_view text);

// The quantity in whole units ("2Ki" is 2048).
std::optional<std::int64_t> parse_units(std::string_view text);

}  // namespace gantry
