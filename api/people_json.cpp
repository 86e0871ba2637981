#include "api/people_json.hpp"

#include <array>

#include "proto/json.hpp"

namespace gantry::api {
namespace {

void append_environment(JsonObject& object, const EnvironmentId& id,
                        const ProjectSnapshot& project) {
  const EnvironmentView* environment = id.empty() ? nullptr : project.environment(id.str());
  if (environment == nullptr)
    object.null("environment");
  else
    append_reference(object, "environment", id.str(), environment->environment.name.str());
}

// Of a spreadsheet: a cell that begins like a formula would be one.
void append_cell(std::string& out, std::string_view text) {
  out += '"';
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos)
    out += '\'';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c == '\n' || c == '\r' ? ' ' : c;  // a line is a line
  }
  out += '"';
}

void append_role(std::string& out, const Membership& one, const ProjectSnapshot& project) {
  if (!out.empty()) out += ',';
  JsonObject object(out);
  append_reference(object, "project", project.project.id.str(), project.project.name.str());
  append_environment(object, one.environment_id, project);
  object.text("role", name(one.role));
}

}  // namespace

void append_json(std::string& out, const User& user) {
  JsonObject(out)
      .text("id", user.id.str())
      .text("name", user.name.str())
      .time("created_at", user.created_at);
}

void append_json(std::string& out, const Membership& one, const User& user,
                 const ProjectSnapshot& project) {
  JsonObject object(out);
  append_reference(object, "user", user.id.str(), user.name.str());
  append_environment(object, one.environment_id, project);
  object.text("role", name(one.role)).time("created_at", one.created_at);
}

void append_json(std::string& out, const Invitation& one, const ProjectSnapshot& project) {
  JsonObject object(out);
  object.text("id", one.id.str());
  append_reference(object, "project", project.project.id.str(), project.project.name.str());
  append_environment(object, one.environment_id, project);
  object.text("role", name(one.role))
      .text_or_null("invited_by", one.invited_by.str())
      .time("created_at", one.created_at)
      .time("expires_at", one.expires_at)
      .time_or_null("accepted_at", one.accepted_at)
      .text_or_null("accepted_by", one.accepted_by);
}

std::string csv_head() {
  return "seq,at,outcome,action,user_id,user_name,token_id,token_name,request_id,project_id,"
         "environment_id,service_id,deployment_id,message\r\n";
}

void append_csv(std::string& out, const AuditEntry& one) {
  out += std::to_string(one.seq) + "," + format_time(one.at) + "," +
         (one.refused ? "REFUSED" : "DONE");
  const std::array<const std::string*, 11> cells{
      &one.action,     &one.user_id,       &one.user_name,  &one.token_id,
      &one.token_name, &one.request_id,    &one.project_id, &one.environment_id,
      &one.service_id, &one.deployment_id, &one.message};
  for (const std::string* cell : cells) {
    out += ',';
    append_cell(out, *cell);
  }
  out += "\r\n";
}

std::string standing_json(const Token& token, const Context& context) {
  const RolesPtr roles = context.people != nullptr && !token.user_id.empty()
                             ? context.people->roles(token.user_id)
                             : nullptr;
  std::string out = ",\"user\":";
  if (roles) {
    JsonObject(out).text("id", roles->user.id.str()).text("name", roles->user.name.str());
  } else {
    out += "null";
  }
  const bool operates = token.user_id.empty() && token.kind == TokenKind::account;
  std::string list;
  if (roles)
    for (const auto& [id, in_project] : roles->projects) {
      const ProjectPtr project = context.store.project(id.str());
      if (!project) continue;
      if (in_project.whole) append_role(list, *in_project.whole, *project);
      for (const auto& [environment, one] : in_project.in)
        if (project->environment(environment.str()) != nullptr) append_role(list, one, *project);
    }
  return out + ",\"operator\":" + (operates ? "true" : "false") + ",\"roles\":[" + list + "]";
}

}  // namespace gantry::api
