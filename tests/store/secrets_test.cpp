#include "store/secrets.hpp"

#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include "runtime/process.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

using StoreSecrets = StoreTest;

TEST_F(StoreSecrets, ValuesAreEncryptedAtRestAndComeBackByteForByte) {
  auto store = open();
  const World w = make_world(*store);
  const std::string canary = "canary-4f1d9a";
  const std::vector<std::string> hostile{canary,
                                         canary + "'; drop table variables; --",
                                         canary + "\n\r\t\x01\x7f",
                                         canary + "\\x00\\",
                                         canary + "$HOME ${{a.B}} `id` \"q\"",
                                         canary + "\xf0\x9f\x98\x80\xc2\xa0",
                                         "",
                                         canary + std::string(128 * 1024 - 13, 'z')};
  for (std::size_t i = 0; i < hostile.size(); ++i) {
    const std::string key = "V" + std::to_string(i);
    ASSERT_TRUE(write(*store, [&](Transaction& t) {
                  return t.put_variable(w.instance.id, key, hostile[i], {});
                }).ok());
    ASSERT_TRUE(write(*store, [&](Transaction& t) {
                  return t.put_shared_variable(w.environment, key, hostile[i], {});
                }).ok());
  }
  const auto id = DeploymentId::make(system_clock().now());
  ASSERT_TRUE(
      write(*store, [&](Transaction& t) {
        (void)t.remember_idempotency({"key", "tok", "POST /", "", 201, canary, "", ""});
        return t.create_deployment({w.instance.id, id, {}, {{"FROZEN", hostile[1]}}, "deploy"});
      }).ok());
  ASSERT_TRUE(store->reload().ok());
  const auto view = store->project("shop")->instances.at(w.instance.id);
  for (std::size_t i = 0; i < hostile.size(); ++i) {
    EXPECT_EQ(view->variables->at("V" + std::to_string(i)).value, hostile[i]);
    EXPECT_EQ(store->project("shop")
                  ->environment("production")
                  ->shared->at("V" + std::to_string(i))
                  .value,
              hostile[i]);
  }
  EXPECT_EQ(view->deployments.at(0)->variables.at("FROZEN"), hostile[1]);

  EXPECT_EQ(sql("select count(*) from variables where position(convert_to('canary-4f1d9a', 'UTF8') "
                "in value) > 0")[0][0]
                .as<int>(),
            0);
  const std::string dump = directory_.path() + "/dump";
  const auto dumped = run(
      {.argv = {"/usr/bin/pg_dump", "--dbname=" + database_, "--file=" + dump, "--format=plain"},
       .environment = {{"PATH", "/usr/bin:/bin"}},
       .uid = {},
       .gid = {},
       .output_file = {}},
      60);
  ASSERT_TRUE(dumped.ok());
  ASSERT_EQ(dumped->exit_code, 0) << dumped->output;
  std::ifstream file(dump);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_GT(text.size(), 100'000u);
  EXPECT_EQ(text.find(canary), std::string::npos);
  EXPECT_EQ(text.find("63616e6172792d346631643961"), std::string::npos);  // the canary in hex
  EXPECT_EQ(text.find(first_token_), std::string::npos);
}

TEST_F(StoreSecrets, ACiphertextMovedToAnotherRowDoesNotOpen) {
  auto store = open();
  const World w = make_world(*store);
  (void)write(*store, [&](Transaction& t) { return t.put_variable(w.instance.id, "A", "a", {}); });
  (void)write(*store, [&](Transaction& t) { return t.put_variable(w.instance.id, "B", "b", {}); });
  sql("update variables set value = (select value from variables where name = 'A') where name = "
      "'B'");
  const auto reloaded = store->reload();
  ASSERT_FALSE(reloaded.ok());
  EXPECT_EQ(reloaded.error().reason, "cannot_decrypt");
  EXPECT_EQ(store->project("shop")->instances.at(w.instance.id)->variables->at("B").value, "b")
      << "memory is kept";
}

TEST_F(StoreSecrets, TheKeyFileMustFit) {
  { auto store = open(); }
  const std::string key = directory_.path() + "/key";
  struct stat info {};
  ASSERT_EQ(::stat(key.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(info.st_size, 32);
  const auto reason = [&] { return open_store(options()).error().reason; };
  std::filesystem::rename(key, key + ".kept");
  EXPECT_EQ(reason(), "key_file_missing");
  EXPECT_FALSE(std::filesystem::exists(key)) << "no other key is made";
  std::ofstream(key) << std::string(32, 'x');
  EXPECT_EQ(reason(), "key_file_differs");
  std::ofstream(key) << "short";
  EXPECT_EQ(reason(), "key_file_invalid");
  std::filesystem::rename(key + ".kept", key);
  EXPECT_TRUE(open_store(options()).ok());
}

TEST_F(StoreSecrets, TheFirstTokenIsShownOnceAndOnlyItsHashIsKept) {
  auto store = open();
  const std::string secret = first_token_;
  ASSERT_EQ(secret.size(), 47u);
  EXPECT_EQ(secret.substr(0, 4), "gty_");
  ASSERT_TRUE(store->verify_token(secret));
  EXPECT_EQ(store->verify_token(secret)->name, "admin");
  for (std::string wrong :
       {std::string(), std::string("gty_"), secret + "x", secret.substr(1), std::string(9999, 'x')})
    EXPECT_FALSE(store->verify_token(wrong));
  std::string changed = secret;
  changed.back() = changed.back() == 'A' ? 'B' : 'A';
  EXPECT_FALSE(store->verify_token(changed));
  first_token_.clear();
  auto again = open();
  EXPECT_EQ(first_token_, "");
  EXPECT_TRUE(again->verify_token(secret));
  EXPECT_EQ(again->installation(), store->installation());
}

TEST_F(StoreSecrets, AFirstTokenThatCannotBeKeptIsNotMade) {
  StoreOptions refusing = options();
  refusing.on_first_token = [](const std::string&) -> Result<> {
    return Error{Code::internal, "disk_full", ""};
  };
  EXPECT_EQ(open_store(refusing).error().reason, "disk_full");
  auto store = open();
  EXPECT_TRUE(store->verify_token(first_token_));
  EXPECT_EQ(sql("select count(*) from tokens")[0][0].as<int>(), 1);
}

}  // namespace
}  // namespace gantry
