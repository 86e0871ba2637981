#include "detect/detect.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <unistd.h>

namespace gantry {
namespace {

namespace fs = std::filesystem;

// A tree in memory: paths to texts.
class MapTree final : public SourceTree {
 public:
  explicit MapTree(std::map<std::string, std::string> files) : files_(std::move(files)) {}
  bool has_file(std::string_view path) const override { return files_.contains(std::string(path)); }
  bool has_directory(std::string_view path) const override {
    const std::string prefix = std::string(path) + "/";
    const auto at = files_.lower_bound(prefix);
    return at != files_.end() && at->first.starts_with(prefix);
  }
  std::optional<std::string> read(std::string_view path) const override {
    const auto found = files_.find(std::string(path));
    if (found == files_.end()) return std::nullopt;
    return found->second.substr(found->second.starts_with("\xef\xbb\xbf") ? 3 : 0);
  }
  std::vector<std::string> names(std::string_view directory) const override {
    const std::string prefix = directory.empty() ? "" : std::string(directory) + "/";
    std::set<std::string> found;
    for (const auto& [path, text] : files_)
      if (path.starts_with(prefix))
        found.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
    return {found.begin(), found.end()};
  }

 private:
  std::map<std::string, std::string> files_;
};

DetectedPlan plan_of(const std::map<std::string, std::string>& files, DetectOptions options = {}) {
  auto plan = detect(MapTree(files), options);
  EXPECT_TRUE(plan.ok()) << (plan ? "" : plan.error().detail);
  return plan ? *plan : DetectedPlan{};
}
std::string why_not(const std::map<std::string, std::string>& files, DetectOptions options = {}) {
  const auto plan = detect(MapTree(files), options);
  EXPECT_FALSE(plan.ok());
  return plan ? "" : plan.error().detail;
}
::testing::AssertionResult says(const DetectedPlan& plan, const std::string& line) {
  if (("\n" + plan.dockerfile).find("\n" + line + "\n") != std::string::npos)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "no line \"" << line << "\" in\n" << plan.dockerfile;
}

TEST(DetectNode, NpmWithALockfile) {
  const auto plan = plan_of(
      {{"package.json", R"({"scripts":{"start":"node server.js"}})"}, {"package-lock.json", "{}"}});
  EXPECT_EQ(plan.provider, "node");
  EXPECT_TRUE(says(plan, "FROM node:20-slim AS build"));
  EXPECT_TRUE(says(plan, "COPY package.json package-lock.json ./"));
  EXPECT_TRUE(says(plan, "RUN --mount=type=cache,target=/root/.npm npm ci"));
  EXPECT_TRUE(says(plan, "USER node"));
  EXPECT_TRUE(says(plan, R"(CMD ["node","server.js"])"));
  EXPECT_EQ(plan.dockerfile.find("run build"), std::string::npos);
  EXPECT_NE(plan.dockerignore.find("node_modules"), std::string::npos);
}

TEST(DetectNode, ManagersByFieldThenByLockfile) {
  const std::string plain = R"({"main":"a.js"})";
  EXPECT_TRUE(says(
      plan_of(
          {{"package.json", plain}, {"a.js", ""}, {"pnpm-lock.yaml", "lockfileVersion: '6.0'\n"}}),
      "RUN npm install --global pnpm@8"));
  EXPECT_TRUE(
      says(plan_of({{"package.json", R"({"main":"a.js","packageManager":"pnpm@9.1.0+sha1"})"},
                    {"a.js", ""},
                    {"pnpm-lock.yaml", ""}}),
           "RUN npm install --global pnpm@9.1.0"));
  const auto yarn =
      plan_of({{"package.json", plain}, {"a.js", ""}, {"yarn.lock", "# yarn lockfile v1"}});
  EXPECT_NE(yarn.dockerfile.find("yarn install --frozen-lockfile"), std::string::npos);
  const auto berry =
      plan_of({{"package.json", plain}, {"a.js", ""}, {"yarn.lock", "__metadata:\n"}});
  EXPECT_NE(berry.dockerfile.find("yarn install --immutable"), std::string::npos);
  const auto bun = plan_of({{"package.json", plain}, {"a.js", ""}, {"bun.lockb", ""}});
  EXPECT_NE(bun.dockerfile.find("bun install --frozen-lockfile"), std::string::npos);
}

TEST(DetectNode, VersionsByTheirSources) {
  const auto node = [](const std::string& package, std::map<std::string, std::string> more = {}) {
    more["package.json"] = package;
    more["index.js"] = "";
    const std::string text = plan_of(more).dockerfile;
    return text.substr(5, text.find('\n') - 5);
  };
  EXPECT_EQ(node("{}"), "node:20-slim AS build");
  EXPECT_EQ(node(R"({"engines":{"node":">=18"}})"), "node:20-slim AS build");
  EXPECT_EQ(node(R"({"engines":{"node":">=22.1"}})"), "node:22-slim AS build");
  EXPECT_EQ(node(R"({"engines":{"node":"18.x"}})"), "node:18-slim AS build");
  EXPECT_EQ(node("{}", {{".nvmrc", "v22.3.0\n"}}), "node:22-slim AS build");
  EXPECT_EQ(node("{}", {{".nvmrc", "lts/*\n"}}), "node:20-slim AS build");
}

TEST(DetectNode, WorkspacesInstallFromTheirManifestsAlone) {
  const auto plan = plan_of({{"package.json", R"({"scripts":{"start":"node apps/api/i.js"}})"},
                             {"pnpm-workspace.yaml", "packages:\n  - 'apps/*'\n  - \"libs/one\"\n"},
                             {"pnpm-lock.yaml", "lockfileVersion: '9.0'"},
                             {"apps/api/package.json", "{}"},
                             {"apps/web/package.json", "{}"},
                             {"apps/readme/x.md", ""},
                             {"libs/one/package.json", "{}"}});
  EXPECT_TRUE(says(plan, "COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./"));
  EXPECT_TRUE(says(plan, "COPY apps/api/package.json apps/api/package.json"));
  EXPECT_TRUE(says(plan, "COPY libs/one/package.json libs/one/package.json"));
  EXPECT_EQ(plan.dockerfile.find("readme"), std::string::npos);
}

TEST(DetectNode, HooksOfThePackageGetTheirFiles) {
  const auto plan = plan_of({{"package.json", R"({"main":"a.js","scripts":{"postinstall":"x"}})"},
                             {"a.js", ""},
                             {"package-lock.json", ""}});
  EXPECT_LT(plan.dockerfile.find("COPY . ."), plan.dockerfile.find("npm ci"));
}

TEST(DetectNode, StartScriptsThatNeedAShellOrADevDependency) {
  const auto tsx = plan_of({{"package.json", R"({"scripts":{"start":"tsx src/index.ts"}})"}});
  EXPECT_TRUE(says(tsx, R"(CMD ["tsx","src/index.ts"])"));
  EXPECT_NE(tsx.dockerfile.find("PATH=/app/node_modules/.bin:"), std::string::npos);
  const auto port = plan_of({{"package.json", R"({"scripts":{"start":"next start -p $PORT"}})"}});
  EXPECT_TRUE(says(port, R"(CMD ["/bin/sh","-c","exec next start -p $PORT"])"));
}

TEST(DetectNode, PagesAreBuiltOnceAndServed) {
  const auto plan = plan_of(
      {{"package.json", R"({"scripts":{"build":"vite build"},"devDependencies":{"vite":"5"}})"}});
  EXPECT_TRUE(says(plan, "COPY --from=build /app/dist /srv"));
  EXPECT_NE(plan.dockerfile.find("--single"), std::string::npos);
}

TEST(DetectNode, OddManifestsAreErrorsWithTheirPlace) {
  EXPECT_NE(why_not({{"package.json", "{\n\"a\": 1,\n oops }"}}).find("package.json:3"),
            std::string::npos);
  EXPECT_NE(why_not({{"package.json", "[]"}}).find("package.json"), std::string::npos);
  for (const char* odd :
       {R"({"workspaces":{}})", R"({"workspaces":7})", R"({"workspaces":{"packages":[1,{}]}})",
        R"({"scripts":[],"dependencies":"x","devDependencies":[1],"engines":3,"main":[]})",
        R"({"scripts":{"start":{}},"packageManager":9})", R"({"packageManager":"@"})"})
    plan_of({{"package.json", odd}, {"index.js", ""}});
  plan_of({{"package.json", "\xef\xbb\xbf{\"main\":\"a.js\"}"}, {"a.js", ""}});
  EXPECT_NE(why_not({{"package.json", "{}"}}).find("start command"), std::string::npos);
}

TEST(DetectPython, ByItsLockfile) {
  const auto pip = plan_of({{"requirements.txt", "flask\n"}, {"main.py", ""}});
  EXPECT_TRUE(says(pip, "FROM python:3.12-slim AS build"));
  EXPECT_TRUE(says(pip, "COPY requirements.txt ./"));
  EXPECT_TRUE(says(pip, R"(CMD ["python","main.py"])"));
  EXPECT_TRUE(says(pip, "USER app"));
  const auto local = plan_of({{"requirements.txt", "--find-links vendor\nx\n"}, {"main.py", ""}});
  EXPECT_LT(local.dockerfile.find("COPY . ."), local.dockerfile.find("pip install --req"));
  const auto uv = plan_of({{"pyproject.toml", "[project]\nrequires-python = '>=3.11'"},
                           {"uv.lock", ""},
                           {"main.py", ""}});
  EXPECT_NE(uv.dockerfile.find("uv sync --frozen"), std::string::npos);
  const auto poetry = plan_of({{"pyproject.toml", ""}, {"poetry.lock", ""}, {"main.py", ""}});
  EXPECT_NE(poetry.dockerfile.find("poetry install"), std::string::npos);
  EXPECT_NE(why_not({{"pyproject.toml", "a = \n"}}).find("pyproject.toml:1"), std::string::npos);
}

TEST(DetectPython, StartsItsFramework) {
  EXPECT_EQ(
      plan_of({{"requirements.txt", "fastapi\n"}, {"app.py", "app = FastAPI()"}}).start_command,
      "uvicorn app:app --host 0.0.0.0 --port ${PORT:-8000}");
  EXPECT_EQ(
      plan_of({{"requirements.txt", "Django\ngunicorn\n"}, {"manage.py", ""}, {"shop/wsgi.py", ""}})
          .start_command,
      "gunicorn --bind 0.0.0.0:${PORT:-8000} shop.wsgi");
}

TEST(Detect, OtherLanguages) {
  const auto go = plan_of({{"go.mod", "module x\n\ngo 1.22.3\n"}, {"main.go", "package main"}});
  EXPECT_TRUE(says(go, "FROM golang:1.22-alpine AS build"));
  EXPECT_TRUE(says(go, R"(CMD ["app"])"));
  const auto commands = plan_of({{"go.mod", "module x\ngo 1.21\n"}, {"cmd/server/main.go", "x"}});
  EXPECT_NE(commands.dockerfile.find("-o /app ./cmd/server"), std::string::npos);
  EXPECT_EQ(plan_of({{"Cargo.toml", "[package]\nname = \"web\"\n"}}).provider, "rust");
  EXPECT_EQ(plan_of({{"pom.xml", "<java.version>17</java.version>"}}).provider, "java");
  EXPECT_EQ(plan_of({{"composer.json", "{}"}, {"public/index.php", ""}}).provider, "php");
  EXPECT_EQ(plan_of({{"Gemfile", ""}, {"config.ru", ""}}).provider, "ruby");
  EXPECT_EQ(plan_of({{"deno.json", "{}"}, {"main.ts", ""}}).provider, "deno");
  EXPECT_EQ(plan_of({{"start.sh", ""}}).provider, "shell");
  const auto pages = plan_of({{"public/index.html", ""}, {"README.md", ""}});
  EXPECT_TRUE(says(pages, "COPY public /srv"));
  EXPECT_NE(why_not({{"README.md", ""}}).find("package.json"), std::string::npos);
}

struct Language {
  const char* provider;
  std::map<std::string, std::string> files;
  std::vector<const char*> lines;  // of its Dockerfile, in this order
};

// Images that nobody has here are never built: what is written for them is all that can be checked.
TEST(Detect, LanguagesLineByLine) {
  const Language languages[] = {
      {"rust",
       {{"Cargo.toml", "[package]\nname = \"web\"\n"}, {"Cargo.lock", ""}, {"static/a.css", ""}},
       {"FROM rust:1-slim AS build",
        "RUN --mount=type=cache,target=/usr/local/cargo/registry "
        "--mount=type=cache,target=/src/target cargo build --release --locked && cp "
        "target/release/web /app",
        "FROM debian:bookworm-slim", "COPY static static", "USER 1001:1001", R"(CMD ["app"])"}},
      {"java",
       {{"pom.xml", "<java.version>17</java.version>"}, {"mvnw", ""}},
       {"FROM eclipse-temurin:17-jdk AS build",
        "RUN --mount=type=cache,target=/root/.m2 sh ./mvnw --batch-mode -DskipTests package",
        "FROM eclipse-temurin:17-jre", "COPY --from=build /app.jar /app/app.jar",
        R"(CMD ["/bin/sh","-c","exec java -XX:MaxRAMPercentage=75 -Dserver.port=${PORT:-8080} -jar app.jar"])"}},
      {"java",
       {{"build.gradle", ""}},
       {"FROM gradle:8-jdk21 AS build",
        "RUN --mount=type=cache,target=/root/.gradle gradle build -x test --no-daemon",
        "FROM eclipse-temurin:21-jre"}},
      {"php",
       {{"composer.json", "{}"}, {"public/index.php", ""}},
       {"FROM composer:2 AS packages", "FROM dunglas/frankenphp:1-php8.3",
        "COPY --from=packages /app /app", "USER www-data",
        R"(CMD ["/bin/sh","-c","exec frankenphp php-server --listen :${PORT:-8080} --root /app/public"])"}},
      {"ruby",
       {{"Gemfile", ""}, {"Gemfile.lock", ""}, {"config.ru", ""}, {".ruby-version", "3.2.4\n"}},
       {"FROM ruby:3.2 AS build", "COPY Gemfile Gemfile.lock ./", "RUN bundle install",
        "FROM ruby:3.2-slim", "USER app",
        R"(CMD ["/bin/sh","-c","exec bundle exec rackup --host 0.0.0.0 --port ${PORT:-3000}"])"}},
      {"deno",
       {{"deno.json", "{}"}, {"main.ts", ""}},
       {"FROM denoland/deno:2.1.4", "USER deno", "RUN deno cache main.ts",
        R"(CMD ["deno","run","--allow-all","main.ts"])"}},
      {"node",
       {{"package.json", R"({"scripts":{"start":"bun run index.ts"}})"}, {"bun.lock", ""}},
       {"RUN npm install --global bun@1", "COPY package.json bun.lock ./",
        "RUN --mount=type=cache,target=/root/.bun/install/cache bun install --frozen-lockfile",
        R"(CMD ["bun","run","index.ts"])"}},
      {"python",
       {{"pyproject.toml", "[tool.poetry.dependencies]\npython = \"3.11\"\n"},
        {"poetry.lock", ""},
        {"main.py", ""}},
       {"FROM python:3.11-slim AS build", "RUN pip install --no-cache-dir poetry",
        "COPY pyproject.toml poetry.lock ./",
        "RUN --mount=type=cache,target=/root/.cache/pypoetry VIRTUAL_ENV=/opt/venv poetry install "
        "--only main --no-root --no-interaction",
        "FROM python:3.11-slim", "USER app", R"(CMD ["python","main.py"])"}}};
  for (const Language& language : languages) {
    const auto plan = plan_of(language.files);
    EXPECT_EQ(plan.provider, language.provider);
    std::size_t at = 0;
    for (const std::string line : language.lines) {
      const auto found = ("\n" + plan.dockerfile).find("\n" + line + "\n", at);
      ASSERT_NE(found, std::string::npos) << line << " is not there or too late in\n"
                                          << plan.dockerfile;
      at = found + 1;
    }
  }
}

TEST(Detect, TheProcfileAndThePersonComeFirst) {
  const std::map<std::string, std::string> files{
      {"package.json", R"({"scripts":{"start":"x"}})"},
      {"Procfile", "worker: node w.js\nweb: node p.js\n"}};
  EXPECT_EQ(plan_of(files).start_command, "node p.js");
  DetectOptions own;
  own.start_command = "node mine.js";
  own.build_command = "make all";
  const auto plan = plan_of(files, own);
  EXPECT_EQ(plan.start_command, "node mine.js");
  EXPECT_TRUE(says(plan, "RUN make all"));
  DetectOptions knobs;
  knobs.variables = {{"NIXPACKS_START_CMD", "node knob.js"}, {"RAILPACK_NODE_VERSION", "22"}};
  EXPECT_EQ(plan_of(files, knobs).start_command, "node knob.js");
}

// What people write never becomes an instruction of its own.
TEST(Detect, HostileTextStaysInItsInstruction) {
  DetectOptions own;
  own.build_command = "true\nUSER root";
  EXPECT_NE(why_not({{"start.sh", ""}}, own).find("line end"), std::string::npos);
  own.build_command = "echo \\";
  EXPECT_TRUE(says(plan_of({{"start.sh", ""}}, own), "RUN echo \\ "));
  own.build_command = "--mount=type=bind,source=/,target=/x ls";
  EXPECT_TRUE(says(plan_of({{"start.sh", ""}}, own), "RUN : && " + own.build_command));
  const auto start =
      plan_of({{"package.json", R"({"scripts":{"start":"node \"a\\nUSER root\".js"}})"}});
  EXPECT_EQ(start.dockerfile.find("\nUSER root"), std::string::npos) << start.dockerfile;
  EXPECT_NE(why_not({{"Cargo.toml", "[package]\nname = \"a && rm -rf /\"\n"}}).find("plain name"),
            std::string::npos);
  EXPECT_NE(why_not({{"Staticfile", "root: ../..\n"}}).find("plain path"), std::string::npos);
}

TEST(Detect, ADiskTreeEndsAtItsRoot) {
  const fs::path root = fs::temp_directory_path() / ("gantry-detect-" + std::to_string(getpid()));
  fs::create_directories(root / "in");
  std::ofstream(root / "secret") << "s";
  std::ofstream(root / "in/package.json") << "\xef\xbb\xbf{}";
  fs::create_symlink("../secret", root / "in/out");
  fs::create_symlink("package.json", root / "in/link");
  const auto tree = make_disk_tree((root / "in").string());
  EXPECT_EQ(*tree->read("package.json"), "{}");
  EXPECT_EQ(*tree->read("link"), "{}");
  EXPECT_FALSE(tree->read("out"));
  EXPECT_FALSE(tree->read("../secret"));
  EXPECT_EQ(tree->names("").size(), 3u);
  fs::remove_all(root);
}

}  // namespace
}  // namespace gantry
