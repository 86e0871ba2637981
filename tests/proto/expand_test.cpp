#include "proto/expand.hpp"

#include <gtest/gtest.h>

#include "proto/command.hpp"

namespace gantry {
namespace {

using Words = std::vector<std::string>;

std::optional<std::string> known(std::string_view name) {
  if (name == "PORT") return "8080";
  if (name == "TWO") return "a b";
  if (name == "EMPTY") return "";
  if (name == "GLOB") return "*.js";
  return std::nullopt;
}

Words run(std::string_view command) { return expanded(*command_argv(command), known); }

TEST(ProtoExpand, VariablesInWordsNeedNoShell) {
  const std::vector<std::pair<const char*, Words>> cases{
      {"app --port $PORT", {"app", "--port", "8080"}},
      {"app --port=${PORT} 'a $PORT'", {"app", "--port=8080", "a $PORT"}},
      {"app -p ${PORT:-3000}", {"app", "-p", "8080"}},
      {"app \"${EMPTY:-3000}\" \"${EMPTY-3000}\"", {"app", "3000", ""}},
      {"app \"$TWO\" \"$EMPTY\" \"$GLOB\"", {"app", "a b", "", "*.js"}},
      {"app 0.0.0.0:$PORT \\$PORT \"\\$PORT \\n\"", {"app", "0.0.0.0:8080", "$PORT", "$PORT \\n"}},
      {"exec app -p $PORT", {"app", "-p", "8080"}},
      {"app $PORT$PORT a\\ b", {"app", "80808080", "a b"}},
  };
  for (const auto& [text, words] : cases) EXPECT_EQ(run(text), words) << text;
}

// What is left to the shell, since it would do something else, or may know better.
TEST(ProtoExpand, EverythingElseStaysWithTheShell) {
  for (const char* text : {"app $UNKNOWN",
                           "app $TWO",
                           "app $EMPTY",
                           "app $GLOB",
                           "app ${PORT:+x}",
                           "app ${PORT%0}",
                           "app $(date)",
                           "app `date`",
                           "app $PORT && b",
                           "app $PORT > out",
                           "app $PORT *.js",
                           "PORT=1 app $PORT",
                           "cd x",
                           "app $1 $PORT",
                           "app $$ $PORT",
                           "app ~/x $PORT",
                           "app ${PORT:-$(date)}",
                           "app $PORT # comment",
                           "app [a] $PORT",
                           "app ${PORT",
                           "app $PORT $"}) {
    const auto argv = command_argv(text);
    ASSERT_TRUE(argv.ok()) << text;
    EXPECT_EQ(expanded(*argv, known), *argv) << text;
    EXPECT_EQ(argv->front(), "/bin/sh") << text;
  }
  EXPECT_EQ(expanded({"app", "$PORT"}, known), (Words{"app", "$PORT"}));
  EXPECT_EQ(expanded({}, known), Words());
}

TEST(ProtoExpand, TellsWhatOnlyExpands) {
  EXPECT_TRUE(only_expands(*command_argv("app $ANY")));
  EXPECT_TRUE(only_expands(*command_argv("app -p ${PORT:-3000}")));
  EXPECT_FALSE(only_expands(*command_argv("app $ANY && b")));
  EXPECT_FALSE(only_expands(*command_argv("exec app")));
  EXPECT_FALSE(only_expands(*command_argv("app")));
}

}  // namespace
}  // namespace gantry
