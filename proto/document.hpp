// One environment of a project as a document: its services with their settings, variables, domains
// and volumes, and the shared variables. What a document does not declare is not there. Pure: one
// state has one text, and read_document(write_document(x)) == x. docs/project-as-a-document.md is
// the specification.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"
#include "proto/snapshot.hpp"

namespace gantry {

struct DocumentVariable {
  std::string value = {};  // as written: references unresolved
  bool preserve = false;   // what is there stays, whatever it is
  bool operator==(const DocumentVariable&) const = default;
};
using DocumentVariables = std::map<std::string, DocumentVariable>;

struct DocumentVolume {
  std::string mount_path = {};  // empty: mounted nowhere
  std::int64_t size_bytes = 0;  // 0: no budget
  bool operator==(const DocumentVolume&) const = default;
};
using DocumentVolumes = std::map<std::string, DocumentVolume>;  // by name

struct DocumentSplit {
  std::string service;
  int percent = 0;  // 1..100
  bool operator==(const DocumentSplit&) const = default;
};

// "deploy.replicas" to its JSON; what is not named has its default. The template, the commit, and
// the replicas of a service that scales by itself are not among them.
using SettingValues = std::map<std::string, std::string>;

struct DocumentService {
  std::string from_template = {};  // as Source::from_template
  SettingValues settings = {};
  DocumentVariables variables = {};
  std::vector<std::string> domains = {};  // ascending, each once
  DocumentVolumes volumes = {};
  std::optional<DocumentSplit> split = {};
  std::optional<TcpProxy> tcp_proxy = {};
  bool operator==(const DocumentService&) const = default;
};

struct Document {
  std::string project = {};      // empty: not said
  std::string environment = {};  // empty: not said
  DocumentVariables shared = {};
  std::map<std::string, DocumentService> services = {};
  DocumentVolumes volumes = {};  // of no service
  bool operator==(const Document&) const = default;
};

// It has a template and names no image: what the document does not say is the template's when the
// service is made, and stays as it is later.
bool is_short(const DocumentService&);

inline constexpr std::size_t kDocumentBytesMax = 4 * 1024 * 1024;
inline constexpr std::size_t kDocumentServicesMax = 10000;

// YAML, or JSON when it begins with "{". Code::invalid "invalid_document" with one FieldError for
// everything that is wrong: a pointer into the document, and a detail that begins with "line N".
Result<Document> read_document(std::string_view text);

// The one text of a document, YAML.
std::string write_document(const Document&);

// Whose values a document shows.
enum class DocumentValues {
  all,
  references,  // those that consist of references; the others are preserved
};
// Of an environment as it is: every key is explicit.
Document document_of(const ProjectSnapshot&, const EnvironmentView&, DocumentValues);
// Without the archives that were uploaded: for a document that outlives the next upload.
Document without_archives(Document);

// Nothing but references and what joins them: shows no secret.
bool only_references(std::string_view value);

// Settings as a document holds them, and back. settings_of: Code::invalid, pointers below
// `pointer`.
SettingValues setting_values(const Settings&);
Result<Settings> settings_of(const SettingValues&, const std::string& from_template,
                             const std::string& pointer);
// A member of the JSON of settings, {"deploy":{"replicas":2}}, laid over values: what is null has
// its default. Errors as in merge_settings().
Result<SettingValues> merge_values(const SettingValues&, std::string_view json,
                                   std::string_view pointer);

}  // namespace gantry
