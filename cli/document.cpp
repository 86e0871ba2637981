// A project as one document: `config plan`, `config apply` and `config pull`.
#include "proto/document.hpp"

#include <fstream>
#include <iterator>

#include <unistd.h>

#include "cli/output.hpp"
#include "cli/plan.hpp"
#include "cli/prompt.hpp"
#include "cli/verbs.hpp"

namespace gantry::cli {
namespace {

constexpr const char* kFile = "gantry.yaml";

std::string file_of(const Session& session) {
  return session.call().words.empty() ? kFile : session.call().words.front();
}

std::string text_of(const std::string& file) {
  if (file == "-") return read_stdin();
  std::ifstream input(file, std::ios::binary);
  if (!input)
    throw Failure{file + " cannot be read", "no_file",
                  "name the file, or make one with `{program} config pull`"};
  return {std::istreambuf_iterator<char>(input), {}};
}

// Where the document says it belongs, unless the caller says otherwise.
struct Read {
  std::string text;
  Place place;
};

Read read(Session& session) {
  const std::string file = file_of(session);
  Read out{.text = text_of(file), .place = {}};
  const auto document = read_document(out.text);
  if (!document) {
    std::string all;
    for (const FieldError& field : document.error().fields)
      all += (all.empty() ? "" : "\n") + file + ": " + field.detail +
             (field.pointer.empty() ? "" : " (" + field.pointer + ")");
    throw Failure{all, document.error().reason, ""};
  }
  Call named = session.call();
  if (!named.has("--project")) named.options["--project"] = {document->project};
  if (!named.has("--environment") && !document->environment.empty())
    named.options["--environment"] = {document->environment};
  Session chosen(named);
  out.place = find_environment(chosen);
  return out;
}

Json plan_of(Session& session, const Read& read) {
  return session.client().send("POST", read.place.environment_path() + "/plan",
                               json_map({{"document", json_string(read.text)}}));
}

int plan(Session& session) {
  const Read wanted = read(session);
  return show_plan(session, plan_of(session, wanted));
}

int apply(Session& session) {
  const Read wanted = read(session);
  return carry_out(session, plan_of(session, wanted), wanted.place.environment_path() + "/apply",
                   {{"document", json_string(wanted.text)}});
}

// Whole or not at all.
void write_file(const std::string& file, const std::string& text) {
  const std::string temporary = file + ".new";
  std::ofstream output(temporary, std::ios::binary | std::ios::trunc);
  output << text << std::flush;
  if (!output || ::rename(temporary.c_str(), file.c_str()) != 0)
    throw Failure{file + " cannot be written", "unwritable_file", ""};
}

int pull(Session& session) {
  const Place place = find_environment(session);
  const std::string file = file_of(session);
  const std::string text =
      session.client()
          .get(place.environment_path() + "/document" +
               (session.call().has("--values") ? "?values=all" : ""))["document"]
          .text();
  if (file == "-") {
    print(text.substr(0, text.size() - 1));
    return 0;
  }
  if (::access(file.c_str(), F_OK) == 0 && !session.call().has("--force") && text_of(file) != text)
    throw Failure{file + " is there already, and says something else", "file_exists",
                  "`{program} config plan` shows the difference; --force writes over it"};
  write_file(file, text);
  print(session.json() ? json_map({{"file", json_string(file)}})
                       : "wrote " + place.environment + " of " + place.project + " to " + file);
  return 0;
}

}  // namespace

std::vector<Command> document_commands() {
  std::vector<Command> all{
      {.path = "config plan",
       .summary = "what has to be done so that an environment is as a document says",
       .words = "[FILE]",
       .words_max = 1,
       .scope = Scope::environment,
       .options = {{"--detailed-exit-code", "", "exit with 2 when there is something to do"}},
       .examples = {"config plan", "config plan gantry.yaml -e staging --detailed-exit-code"},
       .run = plan},
      {.path = "config apply",
       .summary = "carry that out, all or nothing, and deploy what changed",
       .words = "[FILE]",
       .words_max = 1,
       .scope = Scope::environment,
       .options = consent_options(),
       .examples = {"config apply", "config apply --confirm volumes.data -y"},
       .run = apply},
      {.path = "config pull",
       .summary = "write an environment to a file as a document",
       .words = "[FILE|-]",
       .words_max = 1,
       .scope = Scope::environment,
       .options = {{"--values", "", "with the values of all variables, secrets too"},
                   {"--force", "", "write over a file that says something else"}},
       .examples = {"config pull", "config pull - -e staging"},
       .run = pull}};
  return all;
}

}  // namespace gantry::cli
