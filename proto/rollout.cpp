#include "proto/rollout.hpp"

#include <array>

#include "proto/enum_text.hpp"
#include "proto/traffic.hpp"

namespace gantry {
namespace {

constexpr std::array<Named<Strategy>, 4> kStrategies{{
    {Strategy::rolling, "ROLLING"},
    {Strategy::blue_green, "BLUE_GREEN"},
    {Strategy::canary, "CANARY"},
    {Strategy::recreate, "RECREATE"},
}};

constexpr std::array<Named<RolloutOrder>, 3> kOrders{{
    {RolloutOrder::none, "NONE"},
    {RolloutOrder::pause, "PAUSE"},
    {RolloutOrder::promote, "PROMOTE"},
}};

constexpr std::array<Named<Balance>, 3> kBalances{{
    {Balance::round_robin, "ROUND_ROBIN"},
    {Balance::least_connections, "LEAST_CONNECTIONS"},
    {Balance::random, "RANDOM"},
}};

}  // namespace

std::string_view name(Strategy value) { return text_of(kStrategies, value); }
std::string_view name(RolloutOrder value) { return text_of(kOrders, value); }
std::string_view name(Balance value) { return text_of(kBalances, value); }

std::optional<Strategy> parse_strategy(std::string_view text) {
  return value_of(kStrategies, constant_case(text));
}
std::optional<RolloutOrder> parse_rollout_order(std::string_view text) {
  return value_of(kOrders, text);
}
std::optional<Balance> parse_balance(std::string_view text) {
  return value_of(kBalances, constant_case(text));
}

}  // namespace gantry
