// Strict reading of JSON bodies: unknown fields, duplicate keys and wrong types are refused, all
// broken fields are reported at once, each with its pointer. Callers never see the JSON library.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http.hpp"
#include "proto/model.hpp"

namespace gantry::api {

// The fields of one JSON object. Readers give a default when a field is broken and remember why;
// check() tells.
class Fields {
 public:
  // An empty body is an object without fields. Unreadable text: "malformed_json" and the like
  // (400).
  static Result<Fields> read(const Request&, std::initializer_list<std::string_view> known);

  bool has(std::string_view field) const;
  std::string text(std::string_view field);  // required
  Name name(std::string_view field);         // required
  std::optional<Name> optional_name(std::string_view field);
  std::optional<std::string> optional_text(std::string_view field);
  std::optional<ImageRef> optional_image(std::string_view field);
  int integer(std::string_view field, int least, int most);  // required
  std::optional<std::int64_t> optional_bytes(std::string_view field, std::int64_t most);
  std::optional<std::string> optional_mount_path(std::string_view field);
  // That a field is required which another one asks for.
  void missing(std::string_view field);
  // That a field's value is none.
  void refuse(std::string_view field, std::string reason, std::string detail);
  bool flag(std::string_view field, bool otherwise);
  std::vector<std::string> texts(std::string_view field);  // required; a list
  bool has_value(std::string_view field) const;            // there, and not null
  // The members "source", "build" and "deploy" as a merge patch of the defaults.
  Settings settings();
  // The named members, a merge patch of those groups of base.deploy, as JSON; empty: none is there.
  std::string deploy_patch(const Settings& base, std::initializer_list<std::string_view> groups);
  // A member that is an object itself; required. Its complaints are this one's.
  Fields object(std::string_view field, std::initializer_list<std::string_view> known);
  void take_errors(const Fields& inner);
  // A member that is a list of objects; absent: none. Their complaints are theirs.
  std::vector<Fields> objects(std::string_view field,
                              std::initializer_list<std::string_view> known);
  // A member {"NAME": "value", "OTHER": null}; absent: none.
  std::map<std::string, std::optional<std::string>> optional_texts(std::string_view field);

  // Every broken field, or nothing.
  Result<> check() const;

 private:
  struct Document;
  std::shared_ptr<const Document> document_;
  std::string base_;  // pointer to the object
  std::vector<FieldError> errors_;

  template <class T>
  T keep(Result<T>);
  std::string pointer(std::string_view field) const;
  void refuse_unknown(std::initializer_list<std::string_view> known);
};

// {"NAME": "value", "OTHER": null}
using TextPatch = std::map<std::string, std::optional<std::string>>;
Result<TextPatch> read_text_patch(const Request&);

// A body that must be an object, in canonical form: for merge_settings.
Result<std::string> read_object(const Request&);

// The same text for two bodies that mean the same; a body that is not JSON stays as it is.
std::string canonical(std::string_view body);

}  // namespace gantry::api
