// Reading of one JSON object against a table of its keys: absent keys stay, null gives the default,
// everything wrong is said with its pointer. For the codec's own files. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "proto/model.hpp"

namespace gantry::codec {

using Json = nlohmann::json;
using Errors = std::vector<FieldError>;

// A field's place: its value and the list that its complaints go to.
struct Field {
  const Json& json;
  std::string pointer;
  Errors& errors;

  void refuse(std::string code, std::string detail) const {
    errors.push_back({pointer, std::move(code), std::move(detail)});
  }
};

template <class T>
struct Entry {
  std::string_view key;
  void (*read)(const Field&, T&);  // called for values other than null
  void (*clear)(T&);               // null: the default
};

std::string escape_pointer(std::string_view key);
std::string unknown_key_detail(std::string_view key, const std::vector<std::string_view>& known);

template <class T, std::size_t N>
void merge_object(const Field& field, const std::array<Entry<T>, N>& entries, T& out) {
  if (!field.json.is_object()) return field.refuse("wrong_type", "expected an object");
  for (const auto& [key, value] : field.json.items()) {
    const std::string pointer = field.pointer + "/" + escape_pointer(key);
    const auto entry = std::find_if(entries.begin(), entries.end(),
                                    [&k = key](const Entry<T>& e) { return e.key == k; });
    if (entry == entries.end()) {
      std::vector<std::string_view> known;
      for (const auto& e : entries) known.push_back(e.key);
      field.errors.push_back({pointer, "unknown_key", unknown_key_detail(key, known)});
    } else if (value.is_null()) {
      entry->clear(out);
    } else {
      entry->read({value, pointer, field.errors}, out);
    }
  }
}

// With `zero_too` a 0 means: none.
bool read_whole(const Field&, std::int64_t low, std::int64_t high, std::int64_t& out,
                bool zero_too = false);
bool read_flag(const Field&, bool& out);
// A constant in any case; `parse` gives it, `expected` names those that there are.
template <class E>
void read_word(const Field& field, std::optional<E> (*parse)(std::string_view),
               const char* expected, E& out) {
  if (!field.json.is_string()) return field.refuse("wrong_type", "expected a string");
  const auto value = parse(field.json.get_ref<const std::string&>());
  if (!value) return field.refuse("invalid_value", expected);
  out = *value;
}

template <class C, class M>
C owner_of(M C::*);
template <auto Member>
using Owner = decltype(owner_of(Member));

template <auto Member, std::int64_t Low, std::int64_t High>
void read_range(const Field& field, Owner<Member>& out) {
  if (std::int64_t value = 0; read_whole(field, Low, High, value))
    out.*Member = static_cast<std::remove_reference_t<decltype(out.*Member)>>(value);
}
template <auto Member, std::int64_t Low, std::int64_t High>
void read_limit(const Field& field, Owner<Member>& out) {
  if (std::int64_t value = 0; read_whole(field, Low, High, value, true))
    out.*Member = static_cast<std::remove_reference_t<decltype(out.*Member)>>(value);
}
template <auto Member>
void read_flag(const Field& field, Owner<Member>& out) {
  read_flag(field, out.*Member);
}
template <auto Member>
void clear(Owner<Member>& out) {
  out.*Member = Owner<Member>{}.*Member;
}

inline constexpr std::int64_t kIntMax = std::numeric_limits<int>::max();
inline constexpr std::int64_t kLongMax = std::numeric_limits<std::int64_t>::max();

// The groups of settings.
void read_build(const Field&, BuildSettings&);
void read_deploy(const Field&, DeploySettings&);
void read_rollout(const Field&, RolloutSettings&);
void read_traffic(const Field&, TrafficSettings&);
void read_scaling(const Field&, ScalingSettings&);
void read_sleep(const Field&, SleepSettings&);
void read_cron(const Field&, CronSettings&);

}  // namespace gantry::codec
