#include "cli/run.hpp"

#include <algorithm>
#include <exception>

#include <unistd.h>

#include "cli/failure.hpp"
#include "cli/help.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "proto/json.hpp"

namespace gantry::cli {
namespace {

// Texts name the program by the name that it was called by.
std::string with_program(std::string text, const std::string& program) {
  constexpr std::string_view mark = "{program}";
  for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos;)
    text.replace(at, mark.size(), program);
  return text;
}

int tell(Failure failure, const std::string& program, bool json) {
  failure.message = with_program(failure.message, program);
  failure.hint = with_program(failure.hint, program);
  if (json) {
    std::string line;
    JsonObject(line)
        .text("error", failure.message)
        .text("code", failure.code)
        .text_or_null("hint", failure.hint);
    print(line);
    return failure.exit_code;
  }
  print_error(paint(Colour::red, "error: ", STDERR_FILENO) + failure.message);
  if (!failure.hint.empty()) print_error("hint: " + failure.hint);
  return failure.exit_code;
}

int run_call(Call call) {
  if (call.has("--version")) {
    print(call.program + " " GANTRY_VERSION);
    return 0;
  }
  if (call.has("--help") || call.command == nullptr) {
    print(with_program(help_text(call.words.empty() ? "" : call.words.front()), call.program));
    return 0;
  }
  Session session(std::move(call));
  return session.call().command->run(session);
}

}  // namespace

int run(const std::string& name, const std::vector<std::string>& arguments) {
  const std::string base = name.substr(name.rfind('/') + 1);
  const std::string program = base == "railway" ? "railway" : "gantry";
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  try {
    Call call = parse_arguments(arguments);
    call.program = program;
    return run_call(std::move(call));
  } catch (const Failure& failure) {
    return tell(failure, program, json);
  } catch (const std::exception& bug) {
    return tell({std::string("something broke: ") + bug.what(), "internal", ""}, program, json);
  }
}

}  // namespace gantry::cli
