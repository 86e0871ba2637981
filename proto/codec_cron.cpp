// When it is run.
#include "proto/codec_fields.hpp"
#include "proto/cron.hpp"

namespace gantry::codec {
namespace {

using C = CronSettings;

constexpr std::size_t kZoneMax = 64;

void read_schedule(const Field& field, C& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string or null");
  auto schedule = parse_cron(field.json.get_ref<const std::string&>());
  if (!schedule) return field.refuse("invalid_cron", schedule.error().detail);
  out.schedule = *std::move(schedule);
}

// Its shape; settings_rules.cpp asks whether there is such a zone: rows outlive databases of zones.
void read_zone(const Field& field, C& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string or null");
  const auto& zone = field.json.get_ref<const std::string&>();
  const bool plain = std::all_of(zone.begin(), zone.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || c == '/' || c == '_' || c == '-' || c == '+';
  });
  if (zone.empty() || zone.size() > kZoneMax || !plain || zone.front() == '/')
    return field.refuse("invalid_zone", "expected a zone such as \"UTC\" or \"Europe/Berlin\"");
  out.zone = zone;
}

void read_overlap(const Field& field, C& out) {
  read_word(field, parse_cron_overlap, "expected \"SKIP\", \"ALLOW\" or \"REPLACE\"", out.overlap);
}

void read_missed(const Field& field, C& out) {
  read_word(field, parse_cron_missed, "expected \"SKIP\" or \"ONCE\"", out.missed);
}

constexpr std::array<Entry<C>, 5> kCron{{
    {"schedule", read_schedule, clear<&C::schedule>},
    {"zone", read_zone, clear<&C::zone>},
    {"overlap", read_overlap, clear<&C::overlap>},
    {"missed", read_missed, clear<&C::missed>},
    {"limit_seconds", read_limit<&C::limit_seconds, 1, 604800>, clear<&C::limit_seconds>},
}};

}  // namespace

void read_cron(const Field& field, CronSettings& out) { merge_object(field, kCron, out); }

}  // namespace gantry::codec
