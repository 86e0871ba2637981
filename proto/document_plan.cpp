#include "proto/document_plan.hpp"

#include <algorithm>
#include <array>

#include "proto/document_order.hpp"
#include "proto/enum_text.hpp"
#include "proto/json.hpp"

namespace gantry {
namespace {

std::string shown_setting(const std::string& json) {
  return json.size() > 2 && json.front() == '"' && json.find('\\') == std::string::npos
             ? json.substr(1, json.size() - 2)
             : json;
}

struct VolumePlace {
  std::string service;  // empty: none
  DocumentVolume volume;
  bool operator==(const VolumePlace&) const = default;
  std::string shown() const {
    std::string text = service.empty() ? "mounted nowhere" : service + ":" + volume.mount_path;
    if (volume.size_bytes > 0) text += ", " + std::to_string(volume.size_bytes) + " bytes";
    return text;
  }
};

std::map<std::string, VolumePlace> volumes_of(const Document& document) {
  std::map<std::string, VolumePlace> all;
  for (const auto& [name, volume] : document.volumes) all[name] = {"", volume};
  for (const auto& [service, one] : document.services)
    for (const auto& [name, volume] : one.volumes) all[name] = {service, volume};
  return all;
}

std::map<std::string, std::string> domains_of(const Document& document) {
  std::map<std::string, std::string> all;
  for (const auto& [name, service] : document.services)
    for (const std::string& host : service.domains) all[host] = name;
  return all;
}

const DocumentService& service_in(const Document& document, const std::string& name) {
  static const DocumentService none;
  const auto found = document.services.find(name);
  return found == document.services.end() ? none : found->second;
}

class Planner {
 public:
  Planner(DocumentPlan& plan, const PlanFacts& facts)
      : plan_(plan), facts_(facts), current_(plan.current), wanted_(plan.wanted) {}

  void run() {
    const auto changed = changed_variables(current_, wanted_);
    choose_deploys(changed);
    compare_variables("shared.", StepSubject::shared_variable, current_.shared, wanted_.shared, "");
    std::set<std::string> names;
    for (const auto& [name, service] : current_.services) names.insert(name);
    for (const auto& [name, service] : wanted_.services) names.insert(name);
    for (const std::string& name : names) compare_service(name);
    compare_domains();
    compare_volumes();
    told_by_others();
  }

 private:
  bool deploys(const std::string& service) const { return deployed_.contains(service); }
  StepEffect effect_on(const std::string& service) const {
    return deploys(service) ? StepEffect::deploy : StepEffect::none;
  }
  void add(Step step) { plan_.steps.push_back(std::move(step)); }

  // ---- which services are deployed ----

  static bool settings_differ(const SettingValues& a, const SettingValues& b) {
    SettingValues x = a, y = b;
    x.erase("deploy.replicas");  // counts for what runs, without a deployment
    y.erase("deploy.replicas");
    return x != y;
  }
  static bool source_differs(const SettingValues& a, const SettingValues& b) {
    for (const char* key : {"source.image", "source.archive", "source.repository"}) {
      const auto x = a.find(key), y = b.find(key);
      if ((x == a.end()) != (y == b.end()) || (x != a.end() && x->second != y->second)) return true;
    }
    return false;
  }

  void choose_deploys(const std::set<VariableKey>& changed) {
    std::set<std::string> touched;
    for (const auto& [service, name] : changed) touched.insert(service);
    for (const auto& [name, service] : wanted_.services) {
      const bool is_new = !current_.services.contains(name);
      const DocumentService& before = service_in(current_, name);
      const bool differs = is_new || touched.contains(name) ||
                           settings_differ(before.settings, service.settings) ||
                           before.from_template != service.from_template;
      const bool there = facts_.deployed.contains(name);
      const bool begins = is_new || source_differs(before.settings, service.settings);
      const bool has_source =
          service.settings.contains("source.image") || service.settings.contains("source.archive");
      if (differs && (there || begins) && (there || has_source)) deployed_.insert(name);
    }
    for (const std::string& name : in_order(wanted_))
      if (deploys(name)) plan_.deploys.push_back(name);
  }

  // Services without a step of their own that get new values all the same.
  void told_by_others() {
    std::set<std::string> told;
    for (const Step& step : plan_.steps)
      if (step.effect == StepEffect::deploy)
        told.insert(step.path.substr(0, second_dot(step.path)));
    for (const std::string& name : plan_.deploys)
      if (!told.contains("services." + name))
        add({.kind = StepKind::restart,
             .subject = StepSubject::service,
             .path = "services." + name,
             .effect = StepEffect::deploy,
             .note = "it refers to variables that change"});
  }
  static std::size_t second_dot(const std::string& path) {
    return path.find('.', path.find('.') + 1);
  }

  // ---- services ----

  static std::string what(const DocumentService& service) {
    for (const char* key : {"source.image", "source.repository", "source.archive"})
      if (const auto found = service.settings.find(key); found != service.settings.end())
        return shown_setting(found->second);
    return service.from_template.empty() ? "no source" : "template " + service.from_template;
  }
  static StepSubject subject_of(const DocumentService& service) {
    return service.from_template.empty() ? StepSubject::service : StepSubject::database;
  }

  void compare_service(const std::string& name) {
    const std::string path = "services." + name;
    const bool was = current_.services.contains(name), is = wanted_.services.contains(name);
    const DocumentService& before = service_in(current_, name);
    const DocumentService& after = service_in(wanted_, name);
    if (!is)
      return add({.kind = StepKind::remove,
                  .subject = subject_of(before),
                  .path = path,
                  .before = what(before),
                  .destroys = true});
    if (!was) create_service(path, name, after);
    if (was && before.from_template != after.from_template)
      add({.kind = StepKind::replace,
           .subject = StepSubject::database,
           .path = path + ".template",
           .before = before.from_template,
           .after = after.from_template,
           .destroys = !before.from_template.empty(),
           .effect = effect_on(name)});
    compare_settings(path, name, before, after);
    compare_variables(path + ".variables.", StepSubject::variable, before.variables,
                      after.variables, name);
    compare_edge(path, before, after);
  }

  void create_service(const std::string& path, const std::string& name,
                      const DocumentService& after) {
    add({.kind = StepKind::create,
         .subject = subject_of(after),
         .path = path,
         .after = what(after),
         .effect = effect_on(name),
         .note = deploys(name) ? "" : "it is deployed with its first upload or push"});
  }

  void compare_settings(const std::string& path, const std::string& name,
                        const DocumentService& before, const DocumentService& after) {
    const bool is_new = !current_.services.contains(name);
    std::set<std::string> keys;
    for (const auto& [key, value] : before.settings) keys.insert(key);
    for (const auto& [key, value] : after.settings) keys.insert(key);
    for (const std::string& key : keys) {
      const auto x = before.settings.find(key), y = after.settings.find(key);
      const bool had = x != before.settings.end(), has = y != after.settings.end();
      if (had && has && x->second == y->second) continue;
      // What it was made from goes on with other data: a database's image is not any image.
      const bool database = !before.from_template.empty() && key.starts_with("source.");
      Step step{.kind = is_new     ? StepKind::create
                        : database ? StepKind::replace
                                   : StepKind::update,
                .subject = StepSubject::setting,
                .path = path + "." + key,
                .destroys = database,
                .effect = key == "deploy.replicas" ? StepEffect::none : effect_on(name)};
      if (had) step.before = shown_setting(x->second);
      if (has) step.after = shown_setting(y->second);
      if (database) step.note = "the source of a database: its data is read by another program";
      add(std::move(step));
    }
  }

  // ---- variables ----

  std::string shown(const std::string& path, const std::string& value) const {
    if (value.empty() || only_references(value)) return value;
    return "sha256:" + facts_.digest(path + "\n" + value).substr(0, 12);
  }

  void compare_variables(const std::string& prefix, StepSubject subject,
                         const DocumentVariables& before, const DocumentVariables& after,
                         const std::string& service) {
    std::set<std::string> names;
    for (const auto& [name, variable] : before) names.insert(name);
    for (const auto& [name, variable] : after) names.insert(name);
    for (const std::string& name : names) {
      const auto x = before.find(name), y = after.find(name);
      const bool had = x != before.end(), has = y != after.end();
      if (had && has && x->second.value == y->second.value) continue;
      Step step{.kind = !had   ? StepKind::create
                        : !has ? StepKind::remove
                               : StepKind::update,
                .subject = subject,
                .path = prefix + name,
                .effect = service.empty() ? StepEffect::none : effect_on(service)};
      if (had) step.before = shown(step.path, x->second.value);
      const bool made = plan_.made.contains({service, name});
      if (has) step.after = made ? "made when it is applied" : shown(step.path, y->second.value);
      add(std::move(step));
    }
  }

  // ---- what the edge and the engine have of a service ----

  void compare_edge(const std::string& path, const DocumentService& before,
                    const DocumentService& after) {
    const auto split = [](const auto& one) -> std::optional<std::string> {
      if (!one) return std::nullopt;
      return std::to_string(one->percent) + "% to " + one->service;
    };
    const auto proxy = [](const auto& one) -> std::optional<std::string> {
      if (!one) return std::nullopt;
      return std::to_string(one->port) + " to " + std::to_string(one->target_port);
    };
    one_of(path + ".split", StepSubject::split, split(before.split), split(after.split));
    one_of(path + ".tcp_proxy", StepSubject::tcp_proxy, proxy(before.tcp_proxy),
           proxy(after.tcp_proxy));
  }
  void one_of(std::string path, StepSubject subject, std::optional<std::string> before,
              std::optional<std::string> after) {
    if (before == after) return;
    const StepKind kind = !before ? StepKind::create : !after ? StepKind::remove : StepKind::update;
    add({.kind = kind,
         .subject = subject,
         .path = std::move(path),
         .before = std::move(before),
         .after = std::move(after)});
  }

  void compare_domains() {
    const auto before = domains_of(current_), after = domains_of(wanted_);
    for (const auto& [host, service] : before)
      if (!after.contains(host))
        one_of("services." + service + ".domains." + host, StepSubject::domain, service, {});
    for (const auto& [host, service] : after) {
      const auto was = before.find(host);
      one_of("services." + service + ".domains." + host, StepSubject::domain,
             was == before.end() ? std::nullopt : std::optional(was->second), service);
    }
  }

  void compare_volumes() {
    const auto before = volumes_of(current_), after = volumes_of(wanted_);
    for (const auto& [name, place] : before)
      if (!after.contains(name))
        add({.kind = StepKind::remove,
             .subject = StepSubject::volume,
             .path = "volumes." + name,
             .before = place.shown(),
             .destroys = true,
             .effect = place.service.empty() ? StepEffect::none : StepEffect::restart,
             .note = "its data stays through its grace"});
    for (const auto& [name, place] : after) {
      const auto was = before.find(name);
      if (was != before.end() && was->second == place) continue;
      const bool moves = was == before.end() || was->second.service != place.service ||
                         was->second.volume.mount_path != place.volume.mount_path;
      Step step{.kind = was == before.end() ? StepKind::create : StepKind::update,
                .subject = StepSubject::volume,
                .path = "volumes." + name,
                .after = place.shown(),
                .effect = moves ? StepEffect::restart : StepEffect::none};
      if (was != before.end()) step.before = was->second.shown();
      add(std::move(step));
    }
  }

  DocumentPlan& plan_;
  const PlanFacts& facts_;
  const Document& current_;
  const Document& wanted_;
  std::set<std::string> deployed_;
};

void append_step(std::string& out, const Step& step) {
  JsonObject object(out);
  object.text("action", name(step.kind))
      .text("subject", name(step.subject))
      .text("path", step.path);
  step.before ? object.text("before", *step.before) : object.null("before");
  step.after ? object.text("after", *step.after) : object.null("after");
  object.boolean("destroys", step.destroys)
      .text("effect", name(step.effect))
      .text_or_null("note", step.note);
}

std::string steps_json(const DocumentPlan& plan) {
  std::string out = "[";
  for (const Step& step : plan.steps) {
    if (out.back() != '[') out += ',';
    append_step(out, step);
  }
  return out + "]";
}

std::string list_json(const std::vector<std::string>& words) {
  std::string out = "[";
  for (const std::string& word : words) {
    if (out.back() != '[') out += ',';
    append_json_string(out, word);
  }
  return out + "]";
}

}  // namespace

std::string_view name(StepKind kind) {
  constexpr std::array<std::string_view, 5> names{"create", "update", "replace", "delete",
                                                  "restart"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view name(StepSubject subject) {
  constexpr std::array<std::string_view, 9> names{"service",  "database",        "setting",
                                                  "variable", "shared_variable", "domain",
                                                  "volume",   "split",           "tcp_proxy"};
  return names[static_cast<std::size_t>(subject)];
}

std::string_view name(StepEffect effect) {
  constexpr std::array<std::string_view, 3> names{"none", "restart", "deploy"};
  return names[static_cast<std::size_t>(effect)];
}

std::vector<std::string> DocumentPlan::destroyed() const {
  std::vector<std::string> paths;
  for (const Step& step : steps)
    if (step.destroys) paths.push_back(step.path);
  return paths;
}

Result<DocumentPlan> plan_document(const Document& current, Document wanted,
                                   const PlanFacts& facts) {
  DocumentPlan plan{
      .current = current, .wanted = std::move(wanted), .steps = {}, .deploys = {}, .hash = {}};
  GANTRY_TRY(complete(plan, facts));
  Planner(plan, facts).run();
  plan.hash = facts.digest(write_document(plan.current) + '\0' + write_document(plan.wanted) +
                           '\0' + steps_json(plan) + list_json(plan.deploys));
  return plan;
}

std::string plan_json(const DocumentPlan& plan) {
  std::string out;
  JsonObject(out)
      .text("hash", plan.hash)
      .raw("steps", steps_json(plan))
      .raw("deploys", list_json(plan.deploys))
      .raw("destroys", list_json(plan.destroyed()))
      .raw("remarks", list_json(plan.remarks));
  return out;
}

}  // namespace gantry
