#include "proto/cron_settings.hpp"

#include <algorithm>
#include <array>

#include "proto/enum_text.hpp"

namespace gantry {
namespace {

constexpr std::array<Named<CronOverlap>, 3> kOverlaps{{
    {CronOverlap::skip, "SKIP"},
    {CronOverlap::allow, "ALLOW"},
    {CronOverlap::replace, "REPLACE"},
}};

constexpr std::array<Named<CronMissed>, 2> kMissed{{
    {CronMissed::skip, "SKIP"},
    {CronMissed::once, "ONCE"},
}};

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return out;
}

}  // namespace

std::string_view name(CronOverlap value) { return text_of(kOverlaps, value); }
std::string_view name(CronMissed value) { return text_of(kMissed, value); }

std::optional<CronOverlap> parse_cron_overlap(std::string_view text) {
  return value_of(kOverlaps, upper(text));
}
std::optional<CronMissed> parse_cron_missed(std::string_view text) {
  return value_of(kMissed, upper(text));
}

}  // namespace gantry
