#include "proto/variables.hpp"

#include <algorithm>
#include <cctype>
#include <functional>
#include <optional>
#include <set>
#include <variant>

#include "proto/tcp_proxy.hpp"

namespace gantry {
namespace {

constexpr std::size_t kDepthMax = 64;
constexpr std::size_t kResolvedMax = 1024 * 1024;

// ---- grammar ----

struct Reference {
  std::string text;        // as written, for messages
  std::string name_space;  // empty: same scope
  std::string name;
};
using Piece = std::variant<std::string, Reference>;

bool is_word(std::string_view text) { return parse_variable_name(text).ok(); }

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Result<Reference> parse_reference(std::string_view whole, std::string_view inner) {
  const Error bad = invalid(
      "/value", "malformed_reference",
      "cannot read the reference " + std::string(whole) +
          ": write ${{NAME}}, ${{service.NAME}} or ${{shared.NAME}}, or $${{ for a literal ${{");
  Reference reference;
  reference.text = std::string(whole);
  inner = trim(inner);
  std::string_view name = inner;
  if (!inner.empty() && inner.front() == '"') {
    const auto close = inner.find('"', 1);
    if (close == std::string_view::npos || close + 1 >= inner.size() || inner[close + 1] != '.')
      return bad;
    reference.name_space = std::string(inner.substr(1, close - 1));
    name = inner.substr(close + 2);
  } else if (const auto dot = inner.rfind('.'); dot != std::string_view::npos) {
    reference.name_space = std::string(trim(inner.substr(0, dot)));
    name = trim(inner.substr(dot + 1));
    if (reference.name_space.empty()) return bad;
  }
  if (!is_word(name)) return bad;
  reference.name = std::string(name);
  return reference;
}

bool is_provided_prefix(std::string_view name) {
  return name.substr(0, 8) == "RAILWAY_" || name.substr(0, 7) == "GANTRY_";
}

Result<std::vector<Piece>> parse_value(std::string_view value) {
  std::vector<Piece> pieces;
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) pieces.emplace_back(std::move(literal));
    literal.clear();
  };
  while (!value.empty()) {
    if (value.substr(0, 4) == "$${{") {
      literal += "${{";
      value.remove_prefix(4);
    } else if (value.substr(0, 3) == "${{") {
      const auto close = value.find("}}");
      const auto whole =
          value.substr(0, close == std::string_view::npos ? value.size() : close + 2);
      const auto inner =
          close == std::string_view::npos ? std::string_view() : whole.substr(3, close - 3);
      auto reference = parse_reference(whole.substr(0, 80), inner);
      if (!reference) return reference.error();
      flush();
      pieces.emplace_back(std::move(*reference));
      value.remove_prefix(whole.size());
    } else if (value.substr(0, 2) == "${" && is_provided_prefix(value.substr(2)) &&
               value.find('}') != std::string_view::npos &&
               is_word(value.substr(2, value.find('}') - 2))) {
      const auto close = value.find('}');
      flush();
      pieces.emplace_back(Reference{std::string(value.substr(0, close + 1)), "",
                                    std::string(value.substr(2, close - 2))});
      value.remove_prefix(close + 1);
    } else {
      const auto next = value.find('$', 1);
      literal += value.substr(0, next);
      value.remove_prefix(next == std::string_view::npos ? value.size() : next);
    }
  }
  flush();
  return pieces;
}

// ---- resolution ----

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

struct Overlay {
  Node node;
  std::string_view value;
};

bool same_letters(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
           return std::tolower(x) == std::tolower(y);
         });
}

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
  Result<std::optional<std::string>> join(const Node& node, const std::vector<Piece>& pieces,
                                          std::vector<Missing>& missing) {
    std::string value;
    bool complete = true;
    for (const Piece& piece : pieces) {
      if (const auto* literal = std::get_if<std::string>(&piece)) {
        value += *literal;
        continue;
      }
      const auto& reference = std::get<Reference>(piece);
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

  std::optional<Node> find(const Node& from, const Reference& reference) {
    Node node{from.scope, reference.name};
    if (same_letters(reference.name_space, "shared")) {
      node.scope.instance = nullptr;
    } else if (!reference.name_space.empty()) {
      node.scope.instance = nullptr;
      for (const auto& [id, view] : project_.instances)
        if (view->instance.environment_id == environment_.environment.id &&
            same_letters(service_name(*view), reference.name_space))
          node.scope.instance = view.get();
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
          provided_variables(project_, *node.scope.instance, options_of(*node.scope.instance));
    if (const auto found = provided->second.find(node.name); found != provided->second.end())
      return found->second;
    return std::nullopt;
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

std::string upper_words(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

std::vector<VariableReference> references_of(std::string_view value) {
  std::vector<VariableReference> found;
  const auto pieces = parse_value(value);
  if (!pieces) return found;
  for (const Piece& piece : *pieces)
    if (const auto* reference = std::get_if<Reference>(&piece))
      found.push_back({reference->name_space, reference->name});
  return found;
}

ResolvedVariables provided_variables(const ProjectSnapshot& project, const InstanceView& view,
                                     const ResolveOptions& options) {
  ResolvedVariables out;
  const auto provide = [&](std::string_view name, const std::string& value) {
    out["RAILWAY_" + std::string(name)] = value;
    out["GANTRY_" + std::string(name)] = value;
  };
  const ServiceInstance& instance = view.instance;
  const auto domain = [&](const ServiceInstance& of) {
    return of.host_label + "." + options.base_domain;
  };
  provide("PROJECT_ID", project.project.id.str());
  provide("PROJECT_NAME", project.project.name.str());
  if (const auto environment = project.environments.find(instance.environment_id);
      environment != project.environments.end()) {
    provide("ENVIRONMENT_ID", instance.environment_id.str());
    provide("ENVIRONMENT_NAME", environment->second->environment.name.str());
    provide("ENVIRONMENT", environment->second->environment.name.str());
  }
  if (const auto service = project.services.find(instance.service_id);
      service != project.services.end()) {
    provide("SERVICE_ID", instance.service_id.str());
    provide("SERVICE_NAME", service->second->name.str());
    provide("PRIVATE_DOMAIN", service->second->name.str() + ".railway.internal");
  }
  provide("REPLICA_REGION", "local");
  if (instance.tcp_proxy && instance.settings.deploy.port != 0) {
    provide("TCP_PROXY_DOMAIN", tcp_proxy_host(instance, options.base_domain));
    provide("TCP_PROXY_PORT", std::to_string(instance.tcp_proxy->port));
    provide("TCP_APPLICATION_PORT", std::to_string(instance.tcp_proxy->target_port));
  }
  if (const auto volumes = project.volumes_of(instance.id); !volumes.empty()) {
    provide("VOLUME_NAME", volumes.front()->name.str());
    provide("VOLUME_MOUNT_PATH", volumes.front()->mount_path);
  }
  if (instance.settings.deploy.port != 0) {
    provide("PUBLIC_DOMAIN", domain(instance));
    provide("STATIC_URL", domain(instance));
  }
  for (const auto& [id, sibling] : project.instances) {
    if (sibling->instance.environment_id != instance.environment_id ||
        sibling->instance.settings.deploy.port == 0)
      continue;
    if (const auto service = project.services.find(sibling->instance.service_id);
        service != project.services.end())
      provide("SERVICE_" + upper_words(service->second->name.str()) + "_URL",
              domain(sibling->instance));
  }
  if (!options.deployment_id.empty()) {
    provide("DEPLOYMENT_ID", options.deployment_id.str());
    provide("SNAPSHOT_ID", options.deployment_id.str());
  }
  for (const auto& [name, value] : options.git) provide(name, value);
  return out;
}

std::vector<InstanceId> referenced_instances(const ProjectSnapshot& project,
                                             const InstanceView& view) {
  std::set<InstanceId> found;
  std::set<std::string> seen;  // shared ones
  const auto environment = project.environments.find(view.instance.environment_id);
  const std::function<void(std::string_view)> follow = [&](std::string_view value) {
    const auto pieces = parse_value(value);
    if (!pieces) return;
    for (const Piece& piece : *pieces) {
      const auto* reference = std::get_if<Reference>(&piece);
      if (reference == nullptr || reference->name_space.empty()) continue;
      if (same_letters(reference->name_space, "shared")) {
        if (environment == project.environments.end() || !seen.insert(reference->name).second)
          continue;
        const auto shared = environment->second->shared->find(reference->name);
        if (shared != environment->second->shared->end()) follow(shared->second.value);
        continue;
      }
      for (const auto& [id, other] : project.instances) {
        const auto service = project.services.find(other->instance.service_id);
        if (other->instance.environment_id == view.instance.environment_id &&
            service != project.services.end() &&
            same_letters(service->second->name.str(), reference->name_space))
          found.insert(id);
      }
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
