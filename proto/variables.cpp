#include "proto/variables.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <variant>

#include "proto/provided_variables.hpp"
#include "proto/tcp_proxy.hpp"
#include "proto/variable_grammar.hpp"

namespace gantry {
namespace {

constexpr std::size_t kDepthMax = 64;
constexpr std::size_t kResolvedMax = 1024 * 1024;

// Where a name is looked up: an instance's own variables, or the environment's shared ones
// (instance null).
struct Scope {
  const InstanceView* instance = nullptr;
  auto operator<=>(const Scope&) const = default;
};

struct Node {
  Scope scope;
  std::string name;
  auto operator<=>(const Node&) const = default;
};

bool is_shared(std::string_view name_space) {
  constexpr std::string_view shared = "shared";
  return std::equal(name_space.begin(), name_space.end(), shared.begin(), shared.end(),
                    [](char x, char y) { return (x | 0x20) == y; });
}

struct Overlay {
  Node node;
  std::string_view value;
};

class Resolver {
 public:
  Resolver(const ProjectSnapshot& project, const EnvironmentView& environment,
           ResolveOptions options, const Overlay* overlay)
      : project_(project),
        environment_(environment),
        options_(std::move(options)),
        overlay_(overlay) {}

  // The value of a node; nullopt when something under it is missing (named in `missing`).
  Result<std::optional<std::string>> resolve(const Node& node, std::vector<Missing>& missing) {
    if (const auto known = done_.find(node); known != done_.end()) {
      if (!known->second && !left_out_.contains(node))
        missing.push_back({label(node), unresolved_[node]});
      return known->second;
    }
    if (const auto at = std::find(path_.begin(), path_.end(), node); at != path_.end())
      return cycle(at);
    if (path_.size() >= kDepthMax)
      return invalid("/value", "reference_too_deep",
                     "references are nested more than 64 deep at " + label(node));

    const auto text = written(node);
    if (!text) return std::optional<std::string>();
    const auto pieces = parse_value(*text);
    if (!pieces) return pieces.error();
    path_.push_back(node);
    auto value = join(node, *pieces, missing);
    path_.pop_back();
    if (value) done_[node] = *value;
    return value;
  }

  std::string label(const Node& node) const {
    if (node.scope.instance == nullptr) return "shared." + node.name;
    return service_name(*node.scope.instance) + "." + node.name;
  }

 private:
  Result<std::optional<std::string>> join(const Node& node, const std::vector<ValuePiece>& pieces,
                                          std::vector<Missing>& missing) {
    std::string value;
    bool complete = true;
    for (const ValuePiece& piece : pieces) {
      if (const auto* literal = std::get_if<std::string>(&piece)) {
        value += *literal;
        continue;
      }
      const auto& reference = std::get<WrittenReference>(piece);
      const auto target = find(node, reference);
      if (!target && node.scope.instance != nullptr && reference.name_space.empty() &&
          is_tcp_proxy_variable(reference.name)) {
        left_out_.insert(node);
        complete = false;
        continue;
      }
      if (!target) {
        missing.push_back({label(node), reference.text});
        unresolved_[node] = reference.text;
        complete = false;
        continue;
      }
      auto part = resolve(*target, missing);
      if (!part) return part;
      if (!*part) {
        if (left_out_.contains(*target)) {
          if (target->scope == node.scope)
            left_out_.insert(node);
          else
            missing.push_back({label(node), reference.text});
        }
        unresolved_[node] = reference.text;
        complete = false;
        continue;
      }
      value += **part;
      if (value.size() > kResolvedMax)
        return invalid("/value", "value_too_long",
                       "the resolved value of " + label(node) + " exceeds 1 MiB");
    }
    if (!complete) return std::optional<std::string>();
    return std::optional<std::string>(std::move(value));
  }

  std::optional<Node> find(const Node& from, const WrittenReference& reference) {
    Node node{from.scope, reference.name};
    if (is_shared(reference.name_space)) {
      node.scope.instance = nullptr;
    } else if (!reference.name_space.empty()) {
      node.scope.instance =
          instance_named(project_, environment_.environment.id, reference.name_space);
      if (node.scope.instance == nullptr) return std::nullopt;
    }
    if (written(node)) return node;
    return std::nullopt;
  }

  // The text of a node before resolution: own variable, else a provided one (escaped: provided
  // values are literal).
  std::optional<std::string> written(const Node& node) {
    if (overlay_ != nullptr && overlay_->node == node) return std::string(overlay_->value);
    const Variables& own =
        node.scope.instance != nullptr ? *node.scope.instance->variables : *environment_.shared;
    if (const auto found = own.find(node.name); found != own.end()) return found->second.value;
    if (node.scope.instance == nullptr) return std::nullopt;
    auto [provided, fresh] = provided_.try_emplace(node.scope.instance);
    if (fresh)
      provided->second =
          provided_of_itself(project_, *node.scope.instance, options_of(*node.scope.instance));
    if (const auto found = provided->second.find(node.name); found != provided->second.end())
      return found->second;
    return service_url(project_, environment_.environment.id, node.name, options_);
  }

  // Another service's RAILWAY_DEPLOYMENT_ID is the one it runs now.
  ResolveOptions options_of(const InstanceView& view) const {
    ResolveOptions options = options_;
    if (!path_.empty() && path_.front().scope.instance != &view) {
      options.deployment_id =
          view.deployments.empty() ? DeploymentId() : view.deployments.front()->id;
      options.git.clear();
    }
    return options;
  }

  std::string service_name(const InstanceView& view) const {
    const auto service = project_.services.find(view.instance.service_id);
    return service == project_.services.end() ? std::string() : service->second->name.str();
  }

  Error cycle(std::vector<Node>::const_iterator from) const {
    std::string path;
    for (auto at = from; at != path_.end(); ++at) path += label(*at) + " -> ";
    path += label(*from);
    return invalid("/value", "reference_cycle", "the references form a cycle: " + path);
  }

  const ProjectSnapshot& project_;
  const EnvironmentView& environment_;
  const ResolveOptions options_;
  const Overlay* overlay_;
  std::vector<Node> path_;
  std::map<Node, std::optional<std::string>> done_;
  std::map<Node, std::string> unresolved_;
  // What follows from a port at the edge that the service itself does not have: it is no mistake
  // that it is not there, but others cannot count on it.
  std::set<Node> left_out_;
  std::map<const InstanceView*, ResolvedVariables> provided_;
};

}  // namespace

std::vector<InstanceId> referenced_instances(const ProjectSnapshot& project,
                                             const InstanceView& view) {
  std::set<InstanceId> found;
  std::set<std::string> seen;  // shared ones
  const auto environment = project.environments.find(view.instance.environment_id);
  const std::function<void(std::string_view)> follow = [&](std::string_view value) {
    const auto pieces = parse_value(value);
    if (!pieces) return;
    for (const ValuePiece& piece : *pieces) {
      const auto* reference = std::get_if<WrittenReference>(&piece);
      if (reference == nullptr || reference->name_space.empty()) continue;
      if (is_shared(reference->name_space)) {
        if (environment == project.environments.end() || !seen.insert(reference->name).second)
          continue;
        const auto shared = environment->second->shared->find(reference->name);
        if (shared != environment->second->shared->end()) follow(shared->second.value);
        continue;
      }
      if (const InstanceView* other =
              instance_named(project, view.instance.environment_id, reference->name_space))
        found.insert(other->instance.id);
    }
  };
  for (const auto& [name, variable] : *view.variables) follow(variable.value);
  found.erase(view.instance.id);
  return {found.begin(), found.end()};
}

Result<Resolution> resolve_variables(const ProjectSnapshot& project, const InstanceView& view,
                                     const ResolveOptions& options) {
  Resolution out;
  out.variables = provided_variables(project, view, options);
  const auto environment = project.environments.find(view.instance.environment_id);
  if (environment == project.environments.end()) return not_found("environment of that service");
  Resolver resolver(project, *environment->second, options, nullptr);
  for (const auto& [name, variable] : *view.variables) {
    out.variables.erase(name);
    auto value = resolver.resolve({{&view}, name}, out.missing);
    if (!value) return value.error();
    if (*value) out.variables[name] = std::move(**value);
  }
  return out;
}

Result<> check_variable(const ProjectSnapshot& project, const EnvironmentView& environment,
                        const InstanceView* instance, std::string_view name, std::string_view value,
                        Unresolved unresolved) {
  if (value.find("${") == std::string_view::npos) return done();
  ResolveOptions options;
  options.deployment_id =
      DeploymentId::make(TimePoint());  // known when it runs, so not missing now
  const Overlay overlay{{{instance}, std::string(name)}, value};
  Resolver resolver(project, environment, options, &overlay);
  std::vector<Missing> missing;
  auto resolved = resolver.resolve(overlay.node, missing);
  if (!resolved) return resolved.error();
  if (missing.empty() || unresolved == Unresolved::allow) return done();
  Error error{Code::invalid, "unresolved_reference", "", {}};
  std::set<std::string> named;
  for (const Missing& one : missing) {
    if (!named.insert(one.variable + one.reference).second) continue;
    const std::string detail =
        one.reference + " in " + one.variable +
        " names nothing that exists here: set it first, or allow it with allow_unresolved=true";
    error.detail += (error.detail.empty() ? "" : "; ") + detail;
    error.fields.push_back({"/value", "unresolved_reference", detail});
  }
  return error;
}

}  // namespace gantry
