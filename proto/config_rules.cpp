#include "proto/config_rules.hpp"

#include "proto/settings_rules.hpp"

namespace gantry {
namespace {

struct Spelling {
  std::string_view field;    // of the REST contract, below "deploy"
  std::string_view setting;  // of the file
};

constexpr Spelling kSpellings[] = {
    {"/rollout/max_surge_percent", "deploy.maxSurge"},
    {"/rollout/max_unavailable_percent", "deploy.maxUnavailable"},
    {"/rollout/strategy", "deploy.strategy"},
    {"/scaling/min_replicas", "deploy.autoscaling.min"},
    {"/scaling/max_replicas", "deploy.autoscaling.max"},
    {"/scaling/cpu_percent", "deploy.autoscaling.cpu"},
    {"/scaling/memory_percent", "deploy.autoscaling.memory"},
    {"/scaling/requests_per_second", "deploy.autoscaling.requestsPerSecond"},
    {"/scaling/concurrency", "deploy.autoscaling.concurrency"},
    {"/cpu_millicores", "deploy.resources.cpu"},
    {"/memory_bytes", "deploy.resources.memory"},
    {"/sleep/enabled", "deploy.sleepApplication"},
    {"/cron/zone", "deploy.cron.zone"},
};

std::string in_words_of_the_file(std::string text) {
  for (const Spelling& one : kSpellings) {
    const std::string_view word = one.field.substr(one.field.rfind('/') + 1);
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
      text.replace(at, word.size(), one.setting);
      at += one.setting.size();
    }
  }
  return text;
}

}  // namespace

std::vector<BrokenConfigRule> broken_config_rules(const DeploySettings& deploy) {
  std::vector<BrokenConfigRule> broken;
  for (const FieldError& error : broken_rules(deploy, "")) {
    BrokenConfigRule rule;
    for (const Spelling& one : kSpellings)
      if (one.field == error.pointer)
        rule.settings.insert(rule.settings.begin(), one.setting);
      else
        rule.settings.push_back(one.setting);
    rule.message = in_words_of_the_file(error.detail);
    broken.push_back(std::move(rule));
  }
  return broken;
}

}  // namespace gantry
