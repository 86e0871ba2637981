// Variables from PUT to the process in the container, byte by byte, and references through the API.
#include <random>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/daemon.hpp"

namespace gantry::testing {
namespace {

class E2eVariables : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    gantry = new Gantry;
    gantry->start();
  }
  static void TearDownTestSuite() { delete std::exchange(gantry, nullptr); }
  static std::map<std::string, std::string> inside(const std::string& path) {
    return parse_environ(gantry->edge(path, "/env").body);
  }
  static int put(const std::string& path, const std::string& name, const std::string& value,
                 const std::string& query = "") {
    return gantry->api("PUT", path + "/variables/" + name + query, {{"value", value}}).status;
  }
  static inline Gantry* gantry = nullptr;
};

std::string utf8_of(std::uint32_t c) {
  std::string out;
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
  return out;
}

std::string random_text(std::mt19937& random) {
  std::string out;
  const int length = static_cast<int>(random() % 200);
  for (int i = 0; i < length; ++i) {
    std::uint32_t c = 0;
    do {
      c = random() % 4 == 0 ? random() % 0x110000 : random() % 0x100;
    } while (c == 0 || c == '$' || (c >= 0xD800 && c < 0xE000));
    out += utf8_of(c);
  }
  return out;
}

constexpr const char* kHostile[] = {"",
                                    " ",
                                    "\n",
                                    "\r\n",
                                    "a\nb",
                                    "\n\n",
                                    "\t",
                                    " leading",
                                    "trailing ",
                                    "\"",
                                    "'",
                                    "`",
                                    "\\",
                                    "\\n",
                                    "\\\\",
                                    "\"quoted\"",
                                    "'quoted'",
                                    "a=b",
                                    "=",
                                    "==",
                                    "A=1\nB=2",
                                    "$",
                                    "$$",
                                    "$HOME",
                                    "${HOME}",
                                    "$(id)",
                                    "`id`",
                                    "; rm -rf /",
                                    "| cat",
                                    "&& true",
                                    "> /tmp/x",
                                    "#comment",
                                    "!x",
                                    "*",
                                    "?",
                                    "[a]",
                                    "{}",
                                    "{{x}}",
                                    "%s%n",
                                    "%00",
                                    "&amp;",
                                    "<b>",
                                    "null",
                                    "true",
                                    "0",
                                    "-1",
                                    "1e9",
                                    "{\"a\":\"b\"}",
                                    "[1,2]",
                                    "---\na: b",
                                    "postgres://u:p%40@h:5432/d?x=y&z=1#f",
                                    "\x01\x02\x1f\x7f",
                                    "\u00e9\u00fc\u00df",
                                    "\U0001F680\U0001F468\u200D\U0001F469",
                                    "\u2028\u2029",
                                    "\uFEFFbom",
                                    "e\u0301",
                                    "\u202Ertl",
                                    "$'x'",
                                    "${",
                                    "a${",
                                    "$ {{x}}",
                                    "}}"};

// As written, and as the container must see it.
std::vector<std::pair<std::string, std::string>> hostile_values() {
  std::vector<std::pair<std::string, std::string>> values;
  const auto same = [&](const std::string& text) { values.emplace_back(text, text); };
  for (const char* text : kHostile) same(text);
  values.emplace_back("$${{shared.X}}", "${{shared.X}}");
  values.emplace_back("a$${{b", "a${{b");
  std::string ascii, latin;
  for (char c = 0x20; c < 0x7f; ++c) ascii += c;
  for (std::uint32_t c = 0xa0; c < 0x180; ++c) latin += utf8_of(c);
  same(ascii);
  same(latin);
  same(std::string(100 * 1024, 'x'));
  std::mt19937 random(4711);
  for (int i = 0; i < 30; ++i) same(random_text(random));
  return values;
}

TEST_F(E2eVariables, HostileValuesArriveByteByByte) {
  const std::string path = gantry->create("hostile");
  const auto values = hostile_values();
  for (std::size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(put(path, "V" + std::to_string(i), values[i].first), 201) << values[i].first;
  EXPECT_EQ(gantry->settled(gantry->deploy(path)), "SUCCESS") << gantry->state_of(path);
  const auto seen = inside(path);
  int wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto found = seen.find("V" + std::to_string(i));
    const bool same = found != seen.end() && found->second == values[i].second;
    if (!same) ++wrong;
    EXPECT_TRUE(same) << i << ": " << values[i].first.substr(0, 100) << "\nis "
                      << (found == seen.end() ? "absent" : found->second.substr(0, 100));
    const Json read = gantry->get(path + "/variables/V" + std::to_string(i));
    EXPECT_EQ(read["value"], values[i].first) << i;
  }
  std::printf("hostile values: set %zu wrong %d\n", values.size(), wrong);
  for (const char* bad : {"a\0b", "\xff", "\xc3"})  // refused, not mangled
    EXPECT_EQ(gantry->raw({.method = "PUT",
                           .path = path + "/variables/BAD",
                           .headers = "Content-Type: application/json\r\n",
                           .body = std::string(R"({"value":")") +
                                   (bad[1] == 0 && bad[0] == 'a' ? "a\\u0000b" : bad) + "\"}"})
                      .status /
                  100,
              4);
}

TEST_F(E2eVariables, ReferencesAndProvidedNames) {
  const std::string other = gantry->create("other", {{"replicas", 0}}, "gantry-test/web:1", "refs");
  const std::string path = gantry->create("main", Json::object(), "gantry-test/web:1", "refs");
  const std::string shared = "/v1/projects/refs/environments/production";
  EXPECT_EQ(put(other, "PORT", "9000"), 201);
  EXPECT_EQ(put(shared, "X", "a\"b\n$c"), 201);
  EXPECT_EQ(put(path, "FROM_SHARED", "<${{shared.X}}>"), 201);
  EXPECT_EQ(
      put(path, "FROM_OTHER", "http://${{ other.RAILWAY_PRIVATE_DOMAIN }}:${{ other.PORT }}/"),
      201);
  EXPECT_EQ(put(path, "MY_NAME", "${RAILWAY_SERVICE_NAME}/${GANTRY_SERVICE_NAME}"), 201);
  EXPECT_EQ(put(path, "CHAIN", "${{FROM_SHARED}}${{MY_NAME}}"), 201);
  EXPECT_EQ(gantry->settled(gantry->deploy(path)), "SUCCESS") << gantry->state_of(path);
  auto seen = inside(path);
  EXPECT_EQ(seen["FROM_SHARED"], "<a\"b\n$c>");
  EXPECT_EQ(seen["FROM_OTHER"], "http://other.railway.internal:9000/");
  EXPECT_EQ(seen["MY_NAME"], "main/main");
  EXPECT_EQ(seen["CHAIN"], "<a\"b\n$c>main/main");
  EXPECT_EQ(seen["RAILWAY_PUBLIC_DOMAIN"], gantry->host(path));
  int twins = 0;
  for (const auto& [name, value] : seen)
    if (name.starts_with("RAILWAY_")) {
      EXPECT_EQ(seen["GANTRY_" + name.substr(8)], value) << name;
      EXPECT_FALSE(value.empty()) << name;
      ++twins;
    }
  for (const char* name : {"RAILWAY_PRIVATE_DOMAIN", "RAILWAY_PROJECT_NAME", "RAILWAY_PROJECT_ID",
                           "RAILWAY_ENVIRONMENT_NAME", "RAILWAY_SERVICE_ID", "RAILWAY_REPLICA_ID",
                           "RAILWAY_DEPLOYMENT_ID"})
    EXPECT_TRUE(seen.contains(name)) << name;
  std::printf("provided variables: %d pairs\n", twins);
}

TEST_F(E2eVariables, CyclesAndMissingTargets) {
  const std::string a = gantry->create("a", Json::object(), "gantry-test/web:1", "cycle");
  const std::string b = gantry->create("b", Json::object(), "gantry-test/web:1", "cycle");
  EXPECT_EQ(put(a, "ONE", "${{b.TWO}}", "?allow_unresolved=true"), 201);
  const auto cycle = gantry->api("PUT", b + "/variables/TWO", {{"value", "${{a.ONE}}"}});
  EXPECT_EQ(cycle.status, 422);
  EXPECT_EQ(cycle.json["code"], "reference_cycle");
  EXPECT_NE(cycle.http.body.find("b.TWO -> a.ONE -> b.TWO"), std::string::npos) << cycle.http.body;
  const auto missing = gantry->api("PUT", b + "/variables/THREE", {{"value", "${{a.NOWHERE}}"}});
  EXPECT_EQ(missing.status, 422);
  EXPECT_NE(missing.http.body.find("a.NOWHERE"), std::string::npos) << missing.http.body;
  const auto refused = gantry->api("POST", a + "/deployments");
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.http.body.find("b.TWO"), std::string::npos) << refused.http.body;
  EXPECT_TRUE(gantry->get(a + "/deployments")["data"].empty());
  EXPECT_TRUE(gantry->containers(a).empty());
  EXPECT_EQ(gantry->get(a)["status"]["phase"], "EMPTY");
}

}  // namespace
}  // namespace gantry::testing
