#include <gtest/gtest.h>

#include "tests/proto/config_file_fixture.hpp"

namespace gantry {
namespace {

const char* const kJson = R"({
  "build": {"builder": "DOCKERFILE"},
  "deploy": {
    "startCommand": "bin/café serve", "numReplicas": 3
  }
})";

TEST(ProtoConfigFileText, SameInEveryForm) {
  const auto json = read_json(kJson);
  const auto toml = read_text("railway.toml",
                              "[build]\nbuilder = \"DOCKERFILE\"\n[deploy]\n"
                              "startCommand = \"bin/café serve\"\nnumReplicas = 3\n");
  const auto yaml = read_text("gantry.yaml",
                              "build: {builder: DOCKERFILE}\ndeploy:\n"
                              "  startCommand: bin/café serve\n  numReplicas: 3\n");
  for (const auto* one : {&json, &toml, &yaml}) {
    ASSERT_TRUE(one->ok()) << lines_of(*one, "x");
    EXPECT_EQ(one->config, json.config);
    EXPECT_EQ(one->problems.size(), 0u);
  }
  EXPECT_EQ(json.config.settings.deploy.replicas, 3);
  EXPECT_EQ(json.config.settings.build.builder, "DOCKERFILE");
  EXPECT_EQ(origin_of(json, "deploy.numReplicas"), "railway.json:4:54 deploy.numReplicas");
  EXPECT_EQ(origin_of(toml, "deploy.numReplicas"), "railway.toml:5:15 deploy.numReplicas");
  EXPECT_EQ(origin_of(yaml, "deploy.numReplicas"), "gantry.yaml:4:16 deploy.numReplicas");
}

TEST(ProtoConfigFileText, ToleratesWhatPeopleWrite) {
  const std::string plain = R"({"deploy":{"numReplicas":2}})";
  for (const std::string& text : std::vector<std::string>{
           "\xef\xbb\xbf" + plain,
           "\xef\xbb\xbf{\r\n  // one\r\n  \"deploy\": {\"numReplicas\": 2}\r\n}\r\n",
           "# shell\n{ /* block\n * of lines */ \"deploy\" /**/ : { \"numReplicas\": 2, }, // "
           "end\n}\n#",
           "{\"deploy\":\r{\"numReplicas\":2\t}}\n\n  ",
           "{\"deploy\":{\"numReplicas\":2#c\n}}",
           "{\"x-note\": [1, [2, 3,], {\"a\": null}, true, -1.5e3,], "
           "\"deploy\":{\"numReplicas\":2.0}}",
       }) {
    const auto result = read_json(text);
    EXPECT_EQ(lines_of(result, "f"), "") << text;
    EXPECT_EQ(result.config.settings.deploy.replicas, 2) << text;
  }
  for (const auto& [file, text] : std::vector<std::pair<std::string, std::string>>{
           {"a.toml", "\xef\xbb\xbf[deploy]\r\nnumReplicas = 2 # two\r\n"},
           {"services/railway.worker.TOML", "deploy.numReplicas = 2"},
           {"a.yaml",
            "\xef\xbb\xbf"
            "deploy:\r\n  numReplicas: 2 # two\r\n"},
           {"a.yml", "%YAML 1.2\n---\ndeploy: {numReplicas: 2}\n..."},
       }) {
    const auto result = read_text(file, text);
    EXPECT_EQ(lines_of(result, file), "") << text;
    EXPECT_EQ(result.config.settings.deploy.replicas, 2) << text;
  }
}

TEST(ProtoConfigFileText, PositionsSurviveCommentsAndLineEnds) {
  const auto result = read_json(
      "\xef\xbb\xbf/* \xc3\xa9\r\n */\r\n{\r\n\t\"deploy\": { /* \xc3\xa9\xc3\xa9 */ "
      "\"numReplicas\": \"x\" }\r\n}");
  EXPECT_EQ(lines_of(result, "f"),
            "f:4:38: error: deploy.numReplicas: expected a number, received a string (\"x\")");
}

TEST(ProtoConfigFileText, Escapes) {
  const auto result = read_json(
      R"({"deploy":{"healthcheckPath":"\/a\u0041\u002fb"},"build":{"buildCommand":"caf\u00e9 \ud83d\ude00 \"\\"}})");
  ASSERT_FALSE(result.ok());  // a backslash at the end of a command
  const auto good = read_json(
      R"({"deploy":{"healthcheckPath":"\/a\u0041\u002fb"},"build":{"buildCommand":"caf\u00e9 \ud83d\ude00"}})");
  ASSERT_TRUE(good.ok()) << lines_of(good, "f");
  EXPECT_EQ(good.config.settings.deploy.healthcheck_path, "/aA/b");
  EXPECT_EQ(good.config.settings.build.build_command, "café 😀");
}

struct RefusedTextCase {
  std::string text;
  const char* line;
};
const std::vector<RefusedTextCase> kRefusedText = {
    {"[1]", "f:1:1: error: expected an object: the file begins with \"{\""},
    {"build:\r\n  builder: x",
     "f:1:1: error: expected \"{\"; this looks like YAML: rename the file to gantry.yaml, "
     "or "
     "write JSON"},
    {"// only\n", "f:2:1: error: the file holds nothing but comments: write at least {}"},
    {"build", "f:1:1: error: expected an object: the file begins with \"{\""},
    {"{", "f:1:1: error: this \"{\" has no \"}\""},
    {"version: 2\nbuild:",
     "f:1:1: error: expected \"{\"; this looks like YAML: rename the file to gantry.yaml, "
     "or write JSON"},
    {"[build]\nbuilder = 1",
     "f:1:1: error: expected \"{\"; this looks like TOML: rename the file to railway.toml"},
    {"{\n \"a\": 1\n \"b\": 2}", "f:2:8: error: expected \",\" or \"}\" here"},
    {"{\"a\": 1", "f:1:1: error: this \"{\" has no \"}\""},
    {"{\"a\": [1, 2", "f:1:7: error: this \"[\" has no \"]\""},
    {"{\"a\": [1}", "f:1:9: error: expected \"]\" for the \"[\" of line 1, found \"}\""},
    {"{\"a\": }", "f:1:7: error: a value is missing here"},
    {"{\"a\":", "f:1:6: error: the file ends where a value should be"},
    {"{a: 1}", "f:1:2: error: the key a needs double quotes: \"a\""},
    {"{'a': 1}", "f:1:2: error: keys are written in double quotes, not in single ones"},
    {"{\"a\": 'x'}", "f:1:7: error: strings are written in double quotes, not in single ones"},
    {"{\"a\": x}", "f:1:7: error: expected a value; a string is written in double quotes"},
    {"{\"a\": “x”}", "f:1:7: error: a typographic quote: write a plain \""},
    {"{“a”: 1}", "f:1:2: error: a typographic quote: write a plain \""},
    {"{\"a\" 1}", "f:1:6: error: expected \":\" behind the key \"a\""},
    {"{,}", "f:1:2: error: one comma too many"},
    {"{\"a\": 1,, }", "f:1:9: error: one comma too many"},
    {"{\"a\": \"x\n\"}", "f:1:7: error: the string has no closing quote on its line"},
    {"{\"a\": \"x", "f:1:7: error: the string has no closing quote on its line"},
    {"{\"a\": \"\\x\"}", "f:1:8: error: unknown escape: a backslash itself is written \\\\"},
    {"{\"a\": \"\\u12\"}", "f:1:8: error: \\u needs four hexadecimal digits"},
    {"{\"a\": \"\\ud800\"}", "f:1:8: error: half a surrogate pair"},
    {"{\"a\": \"\\u0000\"}", "f:1:8: error: a NUL character cannot be in a setting"},
    {"{\"a\": \"\x01\"}", "f:1:8: error: a control character in a string: write it as an escape"},
    {"{\"a\": 012}", "f:1:7: error: a number does not begin with 0: leave the 0 out"},
    {"{\"a\": 1.}", "f:1:7: error: this is not a number in JSON"},
    {"{\"a\": -}", "f:1:7: error: this is not a number in JSON"},
    {"{\"a\": 30s}",
     "f:1:7: error: text behind a number: write it in double quotes, or the number alone"},
    {"{\"a\": 1e999}", "f:1:7: error: this number is too large or too small"},
    {"{} {}", "f:1:4: error: text behind the end of the object"},
    {"{ /* ", "f:1:3: error: the comment has no end: close it with */"},
    {"\xff\xfe{", "f: error: the file is UTF-16: save it as UTF-8"},
    {"{\n\"a\": \"\xe9\"}", "f:2:1: error: this line is not UTF-8: save it as UTF-8"},
    {std::string("{\n\0}", 4),
     "f:2:1: error: a NUL byte: the file is not a text file, or is not UTF-8"},
};

TEST(ProtoConfigFileText, RefusesJsonWithAFix) {
  for (const RefusedTextCase& c : kRefusedText) {
    const auto result = read_text("f", c.text);
    EXPECT_EQ(lines_of(result, "f"), c.line) << c.text;
    EXPECT_FALSE(result.ok());
  }
}

TEST(ProtoConfigFileText, RefusesTomlAndYamlWithALine) {
  const auto line = [](const char* file, const char* text) {
    const auto result = read_text(file, text);
    EXPECT_FALSE(result.ok()) << text;
    return lines_of(result, file);
  };
  EXPECT_EQ(line("f.toml", "[deploy]\nnumReplicas = 1\nnumReplicas = 2\n").substr(0, 11),
            "f.toml:3:15");
  EXPECT_NE(line("f.toml", "a = 1\n```\n").find("Markdown"), std::string::npos);
  EXPECT_EQ(line("f.toml", "[deploy]\nx = 1979-05-27\n"),
            "f.toml:2:5: error: a date or a time: no setting is one; write it in quotes");
  EXPECT_EQ(line("f.toml", "[deploy]\nnumReplicas = \n").substr(0, 9), "f.toml:2:");
  EXPECT_EQ(line("nixpacks.toml", "[phases.setup]\n"),
            "nixpacks.toml: error: a plan of Nixpacks, which the builder reads by itself; the "
            "settings of a service go to railway.toml");
  EXPECT_EQ(
      line("f.yaml", "deploy:\n  numReplicas: 1\n  numReplicas: 2\n"),
      "f.yaml:3:3: error: the key \"numReplicas\" is written twice (first in line 2): remove one");
  EXPECT_EQ(line("f.yaml", "deploy:\n\tnumReplicas: 1\n").substr(0, 9), "f.yaml:2:");
  EXPECT_EQ(line("f.yaml", "a: *b\n").substr(0, 9), "f.yaml:1:");
  EXPECT_EQ(line("f.yaml", "build: {}\n---\ndeploy: {}\n"),
            "f.yaml: error: the file holds 2 documents (---): one is read; several services go "
            "under services");
  EXPECT_EQ(line("f.toml", "[.a]"),
            "f.toml:1:2: error: expected bare key starting character or string delimiter, saw '.'");
  EXPECT_EQ(
      line("f.toml", "# é\n[é]"),
      "f.toml:2:1: error: a letter outside of quotes that is not ASCII: write the text in quotes");
  EXPECT_EQ(line("f.yaml", "deploy:\n  startCommand: echo a: b\n"),
            "f.yaml:2:23: error: a second \": \" in one line: write the text in quotes");
  EXPECT_EQ(
      line("f.yaml", "- a\n"),
      "f.yaml:1:1: error: expected an object with \"build\" and \"deploy\", received an array");
}

TEST(ProtoConfigFileText, TomlStringsMayHoldAnything) {
  const auto result = read_text("f.toml", R"(# é.....
[build]
buildCommand = """
a \
  "é" 'ü"""
dockerfilePath = 'dir\é' # ö "
"watchPatterns" = ["é # \" é", "ü"]
nixpacksPlan = { "é.ö" = '''é'''' }
)");
  EXPECT_EQ(lines_of(result, "f"),
            "f:3:16: error: build.buildCommand: a quote or a last backslash has no end: close it, "
            "or write the command as an array of strings");
  EXPECT_EQ(value_of(result, "build.watchPatterns"), R"(["é # \" é","ü"])");
  EXPECT_EQ(value_of(result, "build.dockerfilePath"), R"("dir\\é")");
  EXPECT_EQ(value_of(result, "build.nixpacksPlan"), R"({"é.ö":"é'"})");
}

TEST(ProtoConfigFileText, EmptyFilesSetNothing) {
  for (const auto& [file, text] : std::vector<std::pair<std::string, std::string>>{
           {"f.json", " \r\n"}, {"f.toml", ""}, {"f.yaml", ""}, {"f.yaml", "# only this\n"}}) {
    const auto result = read_text(file, text);
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(lines_of(result, "f"), "f: warning: the file is empty: it sets nothing") << file;
    EXPECT_EQ(result.config, DeploymentConfig{});
  }
  EXPECT_EQ(lines_of(read_json("{}"), "f"), "");
}

TEST(ProtoConfigFileText, TheLastOfTwoEqualKeysCounts) {
  const auto result = read_json("{\"deploy\": {\"numReplicas\": 2,\n\"numReplicas\": 3}}");
  EXPECT_EQ(result.config.settings.deploy.replicas, 3);
  EXPECT_EQ(lines_of(result, "f"),
            "f:2:1: warning: the key \"numReplicas\" is written twice (first in line 1): the last "
            "one counts");
}

TEST(ProtoConfigFileText, YamlAnchorsMergesAndScalars) {
  const auto result = read_text("f.yaml", R"(
x-base: &base {healthcheckPath: /up, numReplicas: 2}
deploy:
  <<: *base
  numReplicas: 4
  startCommand: "123"
  restartPolicyType: no
services:
  a: {deploy: {<<: [*base, {drainingSeconds: 7}]}}
)");
  EXPECT_EQ(lines_of(result, "f"),
            "f:7:22: error: deploy.restartPolicyType: expected ON_FAILURE, ALWAYS or NEVER, "
            "received \"no\": write \"NEVER\"");
  EXPECT_EQ(value_of(result, "deploy.numReplicas"), "4");
  EXPECT_EQ(value_of(result, "deploy.healthcheckPath"), "\"/up\"");
  EXPECT_EQ(value_of(result, "deploy.startCommand"), "[\"123\"]");
  EXPECT_EQ(origin_of(result, "deploy.healthcheckPath"), "f.yaml:2:33 deploy.healthcheckPath");
}

}  // namespace
}  // namespace gantry
