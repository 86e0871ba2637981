#include "proto/zone_rule.hpp"

#include <charconv>

namespace gantry {
namespace {

struct RuleText {
  std::string_view rest;

  bool take(char c) {
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::optional<int> number() {
    int value = 0;
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (read.ec != std::errc() || value < 0) return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
    return value;
  }
  // "CET" or "<+03>"
  bool name() {
    if (take('<')) {
      const auto end = rest.find('>');
      if (end == std::string_view::npos) return false;
      rest.remove_prefix(end + 1);
      return true;
    }
    const auto end = std::min(rest.find_first_of("+-,0123456789"), rest.size());
    rest.remove_prefix(end);
    return end >= 3;
  }
  // "-3:30:00"
  std::optional<Seconds> time() {
    const bool negative = take('-');
    if (!negative) take('+');
    int total = 0;
    int unit = 3600;
    for (bool more = true; more && unit > 0; unit /= 60, more = take(':')) {
      const auto part = number();
      if (!part) return std::nullopt;
      total += *part * unit;
    }
    return Seconds(negative ? -total : total);
  }
  std::optional<Zone::Yearly> change() {
    using Kind = Zone::Yearly::Kind;
    Zone::Yearly out;
    out.kind = take('J') ? Kind::julian : take('M') ? Kind::weekday : Kind::day;
    if (out.kind == Kind::weekday) {
      const auto month = number();
      const auto week = take('.') ? number() : std::nullopt;
      const auto day = take('.') ? number() : std::nullopt;
      if (!month || !week || !day || *month < 1 || *month > 12 || *week < 1 || *week > 5 ||
          *day > 6)
        return std::nullopt;
      out.month = *month;
      out.week = *week;
      out.day = *day;
    } else {
      const auto day = number();
      if (!day || *day > 366) return std::nullopt;
      out.day = *day;
    }
    out.time = Seconds(7200);
    if (!take('/')) return out;
    const auto at = time();
    if (!at) return std::nullopt;
    out.time = *at;
    return out;
  }
};

}  // namespace

std::optional<Zone::Rule> parse_zone_rule(std::string_view line) {
  RuleText text{line};
  Zone::Rule rule;
  if (!text.name()) return std::nullopt;
  const auto standard = text.time();
  if (!standard) return std::nullopt;
  rule.standard = -*standard;  // written as what is to be added to reach UTC
  if (text.rest.empty()) return rule;
  if (!text.name()) return std::nullopt;
  rule.summer = rule.standard + Seconds(3600);
  if (!text.rest.starts_with(',')) {
    const auto summer = text.time();
    if (!summer) return std::nullopt;
    rule.summer = -*summer;
  }
  if (!text.take(',')) return std::nullopt;
  rule.summer_begins = text.change();
  if (!rule.summer_begins || !text.take(',')) return std::nullopt;
  rule.summer_ends = text.change();
  if (!rule.summer_ends || !text.rest.empty()) return std::nullopt;
  return rule;
}

TimePoint yearly_change(const Zone::Yearly& change, std::chrono::year year, Seconds offset) {
  using namespace std::chrono;
  sys_days date{year / January / 1};
  switch (change.kind) {
    case Zone::Yearly::Kind::julian:  // 29 February is not counted
      date += days(change.day - 1 + (year.is_leap() && change.day > 59 ? 1 : 0));
      break;
    case Zone::Yearly::Kind::day:
      date += days(change.day);
      break;
    case Zone::Yearly::Kind::weekday: {
      const auto month_of = year / month(static_cast<unsigned>(change.month));
      const weekday wanted(static_cast<unsigned>(change.day));
      date = change.week == 5 ? sys_days(month_of / wanted[last])
                              : sys_days(month_of / wanted[static_cast<unsigned>(change.week)]);
      break;
    }
  }
  return date + change.time - offset;
}

}  // namespace gantry
