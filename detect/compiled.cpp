// Languages that are compiled into one program: Go, Rust, Java.
#include <algorithm>

#include "detect/provider.hpp"

namespace gantry::detecting {
namespace {

// ---- Go ----

bool go_fits(const Source& source) { return source.has("go.mod") || source.has("main.go"); }

std::string go_package(const Source& source) {
  for (const std::string& name : source.tree.names(""))
    if (name.ends_with(".go") && source.text(name).find("package main") != std::string::npos)
      return ".";
  for (const std::string& name : source.tree.names("cmd"))
    if (is_plain_path(name) && source.tree.has_directory("cmd/" + name)) return "./cmd/" + name;
  return ".";
}

Result<DetectedPlan> go_plan(const Source& source) {
  DetectedPlan plan;
  std::string version = source.knob("GO_VERSION");
  const std::string module = source.text("go.mod");
  if (const auto at = module.find("\ngo "); version.empty() && at != std::string::npos)
    version = version_in(module.substr(at, 20), 2);
  if (version.empty()) version = "1.22";
  plan.notes.push_back("Go " + version + ".");
  Lines lines;
  lines.add("FROM golang:" + version + "-alpine AS build").add("WORKDIR /src");
  if (source.has("go.sum"))
    lines.add("COPY go.mod go.sum ./").run("go mod download", cache("/go/pkg/mod"));
  lines.add("COPY . .");
  const std::string build = build_command(
      source, "CGO_ENABLED=0 go build -trimpath -ldflags \"-s -w\" -o /app " + go_package(source));
  lines.run(build, cache("/go/pkg/mod") + cache("/root/.cache/go-build"));
  const bool own = build.find("-o /app") == std::string::npos;
  lines.blank()
      .add("FROM alpine:3.20")
      .add("WORKDIR /srv")
      .add("COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/")
      .add(own ? "COPY --from=build /src /srv" : "COPY --from=build /app /usr/local/bin/app");
  for (const char* folder : {"static", "templates", "public", "views", "web", "migrations"})
    if (!own && source.tree.has_directory(folder))
      lines.add(std::string("COPY ") + folder + " " + folder);
  lines.add("USER 1001:1001").command(start_command(source, own ? "./app" : "app", plan));
  return finish(std::move(plan), lines, source);
}

// ---- Rust ----

bool rust_fits(const Source& source) { return source.has("Cargo.toml"); }

std::string crate_name(const Source& source) {
  const std::string text = source.text("Cargo.toml");
  for (const char* section : {"[[bin]]", "[package]"}) {
    const auto at = text.find(section);
    const auto key = at == std::string::npos ? at : text.find("name", at);
    const auto open = key == std::string::npos ? key : text.find('"', key);
    const auto close = open == std::string::npos ? open : text.find('"', open + 1);
    if (close != std::string::npos) return text.substr(open + 1, close - open - 1);
  }
  return {};
}

Result<DetectedPlan> rust_plan(const Source& source) {
  DetectedPlan plan;
  const std::string name = crate_name(source);
  if (!is_plain_path(name))
    return invalid("", "unreadable_file", "Cargo.toml: its [package] has no plain name");
  Lines lines;
  lines.add("FROM rust:1-slim AS build")
      .add("WORKDIR /src")
      .add("COPY . .")
      .run(build_command(source, std::string("cargo build --release") +
                                     (source.has("Cargo.lock") ? " --locked" : "")) +
               " && cp target/release/" + name + " /app",
           cache("/usr/local/cargo/registry") + cache("/src/target"))
      .blank()
      .add("FROM debian:bookworm-slim")
      .run(
          "apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm "
          "-rf /var/lib/apt/lists/*")
      .add("WORKDIR /srv")
      .add("COPY --from=build /app /usr/local/bin/app");
  for (const char* folder : {"static", "templates", "public", "migrations"})
    if (source.tree.has_directory(folder)) lines.add(std::string("COPY ") + folder + " " + folder);
  lines.add("USER 1001:1001").command(start_command(source, "app", plan));
  return finish(std::move(plan), lines, source);
}

// ---- Java ----

bool java_fits(const Source& source) {
  return !first_file(source.tree, {"pom.xml", "build.gradle", "build.gradle.kts", "gradlew"})
              .empty();
}

Result<DetectedPlan> java_plan(const Source& source) {
  DetectedPlan plan;
  std::string version = version_in(source.knob("JDK_VERSION"), 1);
  const std::string pom = source.text("pom.xml");
  for (const char* tag : {"<java.version>", "<maven.compiler.release>", "<maven.compiler.source>"})
    if (const auto at = pom.find(tag); version.empty() && at != std::string::npos)
      version = version_in(pom.substr(at, 60), 1);
  if (version.empty() || version == "1") version = version == "1" ? "8" : "21";
  plan.notes.push_back("Java " + version + ".");
  const bool maven = source.has("pom.xml");
  const bool wrapper = source.has(maven ? "mvnw" : "gradlew");
  const std::string jdk = "eclipse-temurin:" + version + "-jdk";
  Lines lines;
  lines
      .add("FROM " +
           (wrapper ? jdk
            : maven ? "maven:3-eclipse-temurin-" + version
                    : "gradle:8-jdk" + version) +
           " AS build")
      .add("WORKDIR /src")
      .add("COPY . .");
  const std::string build =
      maven ? (wrapper ? "sh ./mvnw" : "mvn") + std::string(" --batch-mode -DskipTests package")
            : (wrapper ? "sh ./gradlew" : "gradle") + std::string(" build -x test --no-daemon");
  const std::string jars = maven ? "target" : "build/libs";
  lines.run(build_command(source, build), cache(maven ? "/root/.m2" : "/root/.gradle"))
      .run("cp $(ls -S " + jars +
           "/*.jar | grep -v -e -plain -e -sources -e original- | head -1) "
           "/app.jar")
      .blank()
      .add("FROM eclipse-temurin:" + version + "-jre")
      .add("WORKDIR /app")
      .add("COPY --from=build /app.jar /app/app.jar")
      .add("USER 1001:1001")
      .command(start_command(
          source, "java -XX:MaxRAMPercentage=75 -Dserver.port=${PORT:-8080} -jar app.jar", plan));
  return finish(std::move(plan), lines, source);
}

}  // namespace

const Provider kGo{"go", go_fits, go_plan};
const Provider kRust{"rust", rust_fits, rust_plan};
const Provider kJava{"java", java_fits, java_plan};

}  // namespace gantry::detecting
