#include "proto/document_promote.hpp"

#include <algorithm>

namespace gantry {
namespace {

class Promoter {
 public:
  Promoter(const Document& from, const Document& target, const PromotionRules& rules)
      : from_(from), target_(target), rules_(rules) {}

  Promoted run() {
    out_.wanted.project = target_.project;
    out_.wanted.environment = target_.environment;
    out_.wanted.volumes = target_.volumes;
    for (const auto& [name, service] : target_.services)
      if (!goes_along(name)) out_.wanted.services[name] = service;
    out_.wanted.shared = target_.shared;
    if (rules_.only.empty()) variables("shared.", from_.shared, out_.wanted.shared);
    for (const auto& [name, volume] : from_.volumes)
      if (rules_.only.empty() && !knows_volume(name)) out_.wanted.volumes[name] = volume;
    for (const auto& [name, service] : from_.services)
      if (goes_along(name)) out_.wanted.services[name] = service_for(name, service);
    rules();
    return std::move(out_);
  }

 private:
  bool goes_along(const std::string& name) const {
    return rules_.only.empty() || rules_.only.contains(name);
  }
  bool knows_volume(const std::string& name) const {
    return target_.volumes.contains(name) ||
           std::any_of(target_.services.begin(), target_.services.end(),
                       [&](const auto& each) { return each.second.volumes.contains(name); });
  }

  DocumentService service_for(const std::string& name, const DocumentService& service) {
    static const DocumentService none;
    const auto found = target_.services.find(name);
    const DocumentService& there = found == target_.services.end() ? none : found->second;
    DocumentService wanted = service;
    wanted.domains = there.domains;
    wanted.tcp_proxy = there.tcp_proxy;
    wanted.variables = there.variables;
    variables(name + ".", service.variables, wanted.variables);
    wanted.volumes = there.volumes;
    for (const auto& [volume, is] : service.volumes) {
      const bool taken = std::any_of(
          there.volumes.begin(), there.volumes.end(),
          [&, &path = is.mount_path](const auto& each) { return each.second.mount_path == path; });
      if (!taken && !knows_volume(volume)) wanted.volumes[volume] = is;
    }
    if (wanted.split && !goes_along(wanted.split->service) &&
        !target_.services.contains(wanted.split->service))
      wanted.split = there.split;
    return wanted;
  }

  void variables(const std::string& prefix, const DocumentVariables& from, DocumentVariables& to) {
    for (const auto& [name, variable] : from) {
      const auto there = to.find(name);
      if (there == to.end()) {
        to[name] = variable;
      } else if (there->second.value != variable.value) {
        if (rules_.variables.contains(name) || rules_.variables.contains("*"))
          there->second = variable;
        else
          kept_.push_back(prefix + name);
      }
    }
    for (const auto& [name, variable] : to)
      if (!from.contains(name)) alone_.push_back(prefix + name);
  }

  static std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
  }

  void rules() {
    out_.remarks.push_back("domains, generated hosts and ports of the edge stay those of " +
                           target_.environment);
    out_.remarks.emplace_back("the data of volumes is not copied: new volumes begin empty");
    if (!kept_.empty())
      out_.remarks.push_back("values that differ and are kept: " + joined(kept_) +
                             "; name them in variables to copy them");
    if (!alone_.empty())
      out_.remarks.push_back("variables that only " + target_.environment +
                             " has, and keeps: " + joined(alone_));
  }

  const Document& from_;
  const Document& target_;
  const PromotionRules& rules_;
  Promoted out_;
  std::vector<std::string> kept_, alone_;
};

}  // namespace

Promoted promote(const Document& from, const Document& target, const PromotionRules& rules) {
  return Promoter(from, target, rules).run();
}

}  // namespace gantry
