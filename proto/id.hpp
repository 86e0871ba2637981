// Identifiers: a prefix that names the noun and a ULID (48 bits of milliseconds, 80 random),
// written in lower-case Crockford base 32, so that ids of one noun sort by their birth.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "proto/result.hpp"
#include "proto/time.hpp"

namespace gantry {

// 26 characters; strictly ascending within a process, also inside one millisecond. Thread-safe.
std::string new_ulid(TimePoint now);
bool is_ulid(std::string_view);

template <class Tag>
class Id {
 public:
  Id() = default;
  static Id make(TimePoint now) { return Id(std::string(Tag::prefix) + "_" + new_ulid(now)); }
  static bool matches(std::string_view text) {
    constexpr std::string_view p = Tag::prefix;
    return text.size() == p.size() + 27 && text.substr(0, p.size()) == p && text[p.size()] == '_' &&
           is_ulid(text.substr(p.size() + 1));
  }
  static Result<Id> parse(std::string_view text) {
    if (matches(text)) return Id(std::string(text));
    return invalid(
        "", "invalid_id",
        "expected an id such as " + std::string(Tag::prefix) + "_01jd8yq5x8c5v0m6r7k2n4t9wz");
  }
  // The 26 characters after the prefix.
  std::string_view ulid() const { return std::string_view(text_).substr(text_.find('_') + 1); }
  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(const Id&) const = default;
  bool operator==(const Id&) const = default;

 private:
  explicit Id(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct ProjectTag {
  static constexpr std::string_view prefix = "prj";
};
struct EnvironmentTag {
  static constexpr std::string_view prefix = "env";
};
struct ServiceTag {
  static constexpr std::string_view prefix = "svc";
};
struct InstanceTag {
  static constexpr std::string_view prefix = "ins";
};
struct DeploymentTag {
  static constexpr std::string_view prefix = "dep";
};
struct TokenTag {
  static constexpr std::string_view prefix = "tok";
};
struct VolumeTag {
  static constexpr std::string_view prefix = "vol";
};
struct BackupTag {
  static constexpr std::string_view prefix = "bak";
};
struct SessionTag {  // a command, shell or tunnel that a person opened
  static constexpr std::string_view prefix = "ses";
};
struct UserTag {
  static constexpr std::string_view prefix = "usr";
};
struct InstallationTag {
  static constexpr std::string_view prefix = "gty";
};

using ProjectId = Id<ProjectTag>;
using EnvironmentId = Id<EnvironmentTag>;
using ServiceId = Id<ServiceTag>;
using InstanceId = Id<InstanceTag>;
using DeploymentId = Id<DeploymentTag>;
using TokenId = Id<TokenTag>;
using VolumeId = Id<VolumeTag>;
using BackupId = Id<BackupTag>;
using SessionId = Id<SessionTag>;
using UserId = Id<UserTag>;
using InstallationId = Id<InstallationTag>;

}  // namespace gantry
