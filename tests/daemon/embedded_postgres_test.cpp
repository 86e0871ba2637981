#include <chrono>
#include <filesystem>
#include <fstream>

#include <signal.h>
#include <sys/stat.h>

#include "runtime/process.hpp"
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class EmbeddedPostgres : public ::testing::Test {
 protected:
  ~EmbeddedPostgres() override { (void)stop_embedded_postgres(options_, 20); }
  TemporaryDirectory directory_;
  EmbeddedPostgresOptions options_ = postgres_options(directory_.path());
};

StoreOptions store_options(const std::string& database, const std::string& directory) {
  StoreOptions options;
  options.database = database;
  options.key_file = directory + "/key";
  return options;
}

template <class T>
bool unavailable(const Result<T>& result) {
  return !result && result.error().code == Code::unavailable;
}

TEST_F(EmbeddedPostgres, IsMadeAdoptedStoppedAndStartedAgain) {
  const auto first = start_embedded_postgres(options_);
  ASSERT_TRUE(first.ok()) << first.error().detail;
  const pid_t pid = embedded_postgres_pid(options_);
  EXPECT_GT(pid, 0);
  EXPECT_EQ(*start_embedded_postgres(options_), *first);
  EXPECT_EQ(embedded_postgres_pid(options_), pid);
  struct stat info {};
  ASSERT_EQ(::stat((directory_.path() + "/postgres").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  {
    pqxx::connection connection(*first);
    pqxx::nontransaction work(connection);
    EXPECT_STREQ(work.exec1("show listen_addresses")[0].c_str(), "");
    EXPECT_STREQ(work.exec1("show fsync")[0].c_str(), "on");
    EXPECT_STREQ(work.exec1("show server_encoding")[0].c_str(), "UTF8");
    work.exec("create table kept (x int)");
  }
  ASSERT_TRUE(stop_embedded_postgres(options_, 20).ok());
  EXPECT_EQ(embedded_postgres_pid(options_), 0);
  ASSERT_TRUE(stop_embedded_postgres(options_, 20).ok());
  // What a reboot leaves: the number now belongs to somebody else.
  std::ofstream(directory_.path() + "/postgres/data/postmaster.pid")
      << ::getpid() << "\n"
      << directory_.path() << "/postgres/data\n";
  const auto second = start_embedded_postgres(options_);
  ASSERT_TRUE(second.ok()) << second.error().detail;
  pqxx::connection connection(*second);
  EXPECT_NO_THROW(pqxx::nontransaction(connection).exec("select * from kept"));
}

TEST_F(EmbeddedPostgres, AHalfMadeClusterIsMadeAnew) {
  std::filesystem::create_directories(directory_.path() + "/postgres/data.new/base");
  const auto started = start_embedded_postgres(options_);
  EXPECT_TRUE(started.ok()) << started.error().detail;
}

TEST_F(EmbeddedPostgres, NamesTheDirectoryOutOfReach) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ::chmod(directory_.path().c_str(), 0700);
  const auto started = start_embedded_postgres(options_);
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().detail.find("the directory " + directory_.path() + " "),
            std::string::npos);
}

TEST_F(EmbeddedPostgres, AStoreSurvivesAStopAndAKill) {
  const auto conninfo = start_embedded_postgres(options_);
  ASSERT_TRUE(conninfo.ok()) << conninfo.error().detail;
  auto opened = open_store(store_options(*conninfo, directory_.path()));
  ASSERT_TRUE(opened.ok()) << opened.error().detail;
  Store& store = **opened;
  ASSERT_TRUE(write(store, [](Transaction& t) { return t.create_project(name_of("one")); }).ok());
  for (const int signal : {SIGINT, SIGKILL}) {
    auto interrupted = store.begin({});
    ASSERT_TRUE((*interrupted)->create_project(name_of("interrupted")).ok());
    const pid_t pid = embedded_postgres_pid(options_);
    ::kill(pid, signal);
    while (process_alive(pid, "postgres"))
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(unavailable((*interrupted)->commit()));
    interrupted->reset();
    const auto began = std::chrono::steady_clock::now();
    const auto refused =
        write(store, [](Transaction& t) { return t.create_project(name_of("two")); });
    EXPECT_TRUE(unavailable(refused));
    EXPECT_TRUE(unavailable(store.ping()));
    EXPECT_TRUE(unavailable(store.reload()));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
    EXPECT_NE(store.project("one"), nullptr) << "memory goes on";
    const auto again = start_embedded_postgres(options_);
    ASSERT_TRUE(again.ok()) << again.error().detail;
    EXPECT_TRUE(store.ping().ok());
    const auto name = name_of("after-" + std::to_string(signal));
    EXPECT_TRUE(write(store, [&](Transaction& t) { return t.create_project(name); }).ok());
    EXPECT_EQ(store.project("interrupted"), nullptr);
  }
}

}  // namespace
}  // namespace gantry
