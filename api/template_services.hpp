// A template in an environment: what is to be made of it, and what speaks against that. Reads
// memory; the randomness of secrets is the kernel's.
#pragma once

#include "api/blueprint.hpp"
#include "api/body.hpp"
#include "proto/document.hpp"
#include "proto/template.hpp"

namespace gantry::api {

// What a caller says of the services that a template makes.
struct Wanted {
  std::optional<std::string> version;  // of the first service
  std::optional<Name> name;            // of the first service
  std::optional<std::string> other;    // the service that the template needs
  TextPatch variables;                 // of the first service
};

Result<> check(const Template&, const Wanted&);
Result<std::vector<NewService>> services_of(const Templates&, const Place&, const Template&,
                                            const Wanted&);

// A service of a template as a document has it, "postgres" or "TEMPLATE.SERVICE"; its secrets are
// still ${{secret(32)}}. Nothing: there is no such template.
std::optional<DocumentService> document_service(const Templates&, const std::string& from_template);
// A value with its secrets made by the kernel's randomness.
Result<std::string> with_secrets(std::string_view value);

}  // namespace gantry::api
