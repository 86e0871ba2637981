// What the handlers of backups share: look-ups and JSON.
#pragma once

#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "runtime/backup/backups.hpp"

namespace gantry::api {

// 503 when the daemon has none.
Result<Backups*> backups_of(const Context&);
// {backup}, the fourth parameter: one of the instance's.
Result<Backup> find_backup(const Request&, const Context&, const Place&);
BackupOrigin origin_of(const Place&);
std::string_view template_of(const Place&);

void append_json(std::string& out, const Backup&);
void append_json(std::string& out, const BackupSchedule&);
void append_json(std::string& out, const Restore&);
void append_json(std::string& out, const BackupDestination&);

// 202 with its text, and where it will be.
Response accepted(std::string location, std::string body);

}  // namespace gantry::api
