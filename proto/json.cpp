#include "proto/json.hpp"

#include <charconv>

#include "proto/json_settings.hpp"

namespace gantry {
namespace {

void append_number(std::string& out, std::int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

// Length of the longest prefix that needs no escape and is ASCII.
std::size_t plain_length(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') break;
    ++i;
  }
  return i;
}

// Takes one character that is not plain from the front of `text`.
void append_special(std::string& out, std::string_view& text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const auto c = static_cast<unsigned char>(text.front());
  std::size_t taken = 1;
  if (c == '"' || c == '\\') {
    out += '\\';
    out += text.front();
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c < 0x20 || c == 0x7f) {
    out += "\\u00";
    out += hex[c >> 4];
    out += hex[c & 15];
  } else {
    std::size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (length <= text.size() && is_utf8(text.substr(0, length))) {
      out += text.substr(0, length);
      taken = length;
    } else {
      out += "\xef\xbf\xbd";
    }
  }
  text.remove_prefix(taken);
}

void append_stamp(JsonObject& object, const Stamp& stamp) {
  object.number("version", stamp.version)
      .time("created_at", stamp.created_at)
      .time("updated_at", stamp.updated_at);
}

void append_owners(JsonObject& object, const Owners& owners) {
  append_reference(object, "service", owners.service.id.str(), owners.service.name.str());
  append_reference(object, "environment", owners.environment.id.str(),
                   owners.environment.name.str());
  append_reference(object, "project", owners.project.id.str(), owners.project.name.str());
}

void append_url(std::string& out, const std::string& host, const Site& site) {
  out += site.url_scheme;
  out += "://";
  out += host;
  if (site.edge_port != (site.url_scheme == "https" ? 443 : 80)) {
    out += ':';
    append_number(out, site.edge_port);
  }
}

// A worker (port 0) is not served by the edge and has none of them; nor has what has a schedule.
void append_address(JsonObject& object, const ServiceInstance& instance, const Site& site) {
  const DeploySettings& deploy = instance.settings.deploy;
  if (deploy.port == 0 || !deploy.cron.schedule.empty()) {
    object.null("host").null("url").null("preview_url");
    return;
  }
  std::string host = instance.host_label;
  host += '.';
  host += site.base_domain;
  object.text("host", host);
  std::string url, preview_url;
  append_url(url, host, site);
  append_url(preview_url, preview_host(instance.host_label, site.base_domain), site);
  object.text("url", url).text("preview_url", preview_url);
}

// The newest live deployment's; without one EMPTY, and why when the newest attempt failed.
void append_status(JsonObject& object, const InstanceView& view) {
  JsonObject status(object.at("status"));
  for (const auto& deployment : view.deployments) {
    if (!is_live(deployment->status)) continue;
    status.text("phase", name(deployment->status))
        .text("deployment_id", deployment->id.str())
        .text("reason", deployment->reason);
    return;
  }
  std::string reason;
  if (!view.deployments.empty()) {
    const Deployment& newest = *view.deployments.front();
    reason = "the newest deployment " + newest.id.str() + " is " + std::string(name(newest.status));
    if (!newest.reason.empty()) reason += ": " + newest.reason;
  }
  status.text("phase", "EMPTY").null("deployment_id").text("reason", reason);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t plain = plain_length(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (!text.empty()) append_special(out, text);
  }
  out += '"';
}

std::string& JsonObject::at(std::string_view key) {
  if (!first_) out_ += ',';
  first_ = false;
  out_ += '"';
  out_ += key;
  out_ += "\":";
  return out_;
}
JsonObject& JsonObject::text(std::string_view key, std::string_view value) {
  append_json_string(at(key), value);
  return *this;
}
JsonObject& JsonObject::text_or_null(std::string_view key, std::string_view value) {
  return value.empty() ? null(key) : text(key, value);
}
JsonObject& JsonObject::number(std::string_view key, std::int64_t value) {
  append_number(at(key), value);
  return *this;
}
JsonObject& JsonObject::number_or_null(std::string_view key, std::optional<std::int64_t> value) {
  return value ? number(key, *value) : null(key);
}
JsonObject& JsonObject::boolean(std::string_view key, bool value) {
  return raw(key, value ? "true" : "false");
}
JsonObject& JsonObject::time(std::string_view key, TimePoint value) {
  return text(key, format_time(value));
}
JsonObject& JsonObject::time_or_null(std::string_view key, const std::optional<TimePoint>& value) {
  return value ? time(key, *value) : null(key);
}
JsonObject& JsonObject::null(std::string_view key) { return raw(key, "null"); }
JsonObject& JsonObject::raw(std::string_view key, std::string_view json) {
  at(key) += json;
  return *this;
}

void append_reference(JsonObject& object, std::string_view key, std::string_view id,
                      std::string_view name) {
  JsonObject(object.at(key)).text("id", id).text("name", name);
}

void append_json(std::string& out, const Project& project) {
  JsonObject object(out);
  object.text("id", project.id.str()).text("name", project.name.str());
  append_stamp(object, project.stamp);
}

void append_json(std::string& out, const Environment& environment) {
  JsonObject object(out);
  object.text("id", environment.id.str())
      .text("name", environment.name.str())
      .text("project_id", environment.project_id.str())
      .boolean("guarded", environment.protection.guarded)
      .boolean("needs_approval", environment.protection.needs_approval);
  if (environment.deleted_at)
    object.time("deleted_at", *environment.deleted_at);
  else
    object.null("deleted_at");
  append_stamp(object, environment.stamp);
}

void append_json(std::string& out, const Service& service) {
  JsonObject object(out);
  object.text("id", service.id.str())
      .text("name", service.name.str())
      .text("project_id", service.project_id.str());
  append_stamp(object, service.stamp);
}

void append_json(std::string& out, const Variable& variable) {
  JsonObject object(out);
  object.text("name", variable.name).text("value", variable.value);
  append_stamp(object, variable.stamp);
}

void append_json(std::string& out, const Replica& replica) {
  JsonObject object(out);
  object.text("id", replica.key.id())
      .text("deployment_id", replica.key.deployment_id.str())
      .number("epoch", replica.key.epoch)
      .number("ordinal", replica.key.ordinal)
      .text("status", name(replica.status))
      .text("reason", replica.reason)
      .boolean("ready", replica.ready)
      .number("restarts", replica.restarts)
      .text_or_null("node", replica.node)
      .text_or_null("address", replica.address)
      .text_or_null("container_id", replica.container_id);
  object.number_or_null("exit_code", replica.exit_code)
      .time_or_null("started_at", replica.started_at)
      .time_or_null("exited_at", replica.exited_at)
      .time("updated_at", replica.updated_at);
}

void append_json(std::string& out, const Event& event) {
  JsonObject object(out);
  object.text("cursor", event.cursor)
      .text("type", event.type)
      .time("at", event.at)
      .text("message", event.message)
      .text_or_null("project_id", event.project_id.str())
      .text_or_null("environment_id", event.environment_id)
      .text_or_null("service_id", event.service_id)
      .text_or_null("instance_id", event.instance_id)
      .text_or_null("deployment_id", event.deployment_id)
      .text_or_null("replica_id", event.replica_id);
}

void append_json(std::string& out, const Token& token, const Project* project,
                 const Environment* environment) {
  JsonObject object(out);
  object.text("id", token.id.str())
      .text("name", token.name)
      .text("kind", name(token.kind))
      .text_or_null("project_id", token.project_id.str())
      .text_or_null("environment_id", token.environment_id.str());
  if (project != nullptr)
    append_reference(object, "project", project->id.str(), project->name.str());
  else
    object.null("project");
  if (environment != nullptr)
    append_reference(object, "environment", environment->id.str(), environment->name.str());
  else
    object.null("environment");
  object.time("created_at", token.created_at)
      .time_or_null("expires_at", token.expires_at)
      .time_or_null("last_used_at", token.last_used_at);
}

void append_json(std::string& out, const Owners& owners, const InstanceView& view,
                 const Site& site) {
  const ServiceInstance& instance = view.instance;
  JsonObject object(out);
  object.text("id", instance.id.str());
  append_owners(object, owners);
  append_settings(object, instance.settings);
  append_address(object, instance, site);
  append_strings(object.at("domains"), instance.domains);
  if (instance.split)
    JsonObject(object.at("split"))
        .text("instance_id", instance.split->to.str())
        .number("percent", instance.split->percent);
  else
    object.null("split");
  object.number("restart_epoch", instance.restart_epoch).number("generation", instance.generation);
  append_status(object, view);
  append_stamp(object, instance.stamp);
}

void append_json(std::string& out, const Owners& owners, const Deployment& deployment) {
  JsonObject object(out);
  object.text("id", deployment.id.str())
      .text("status", name(deployment.status))
      .text("reason", deployment.reason)
      .text("trigger", deployment.trigger)
      .text("message", deployment.message)
      .text("instance_id", deployment.instance_id.str());
  append_owners(object, owners);
  append_settings(object, deployment.settings);
  append_rollout(object, deployment);
  object.text_or_null("image", deployment.progress.image)
      .time_or_null("succeeded_at", deployment.succeeded_at)
      .number("version", deployment.version)
      .time("created_at", deployment.created_at)
      .time("updated_at", deployment.updated_at);
}

}  // namespace gantry
