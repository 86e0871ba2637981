// PHP, Ruby, Deno, files that are served as they are, and a start.sh.
#include <algorithm>

#include "detect/provider.hpp"

namespace gantry::detecting {
namespace {

// ---- PHP ----

bool php_fits(const Source& source) {
  return source.has("composer.json") || source.has("index.php");
}

Result<DetectedPlan> php_plan(const Source& source) {
  DetectedPlan plan;
  const bool composer = source.has("composer.json");
  const bool open = source.tree.has_directory("public");
  Lines lines;
  if (composer) {
    lines.add("FROM composer:2 AS packages")
        .add("WORKDIR /app")
        .add("COPY . .")
        .run(
            "composer install --no-dev --no-interaction --optimize-autoloader "
            "--ignore-platform-reqs",
            cache("/tmp/cache"));
    lines.blank();
  }
  lines.add("FROM dunglas/frankenphp:1-php8.3")
      .add("WORKDIR /app")
      .add(composer ? "COPY --from=packages /app /app" : "COPY . .");
  if (const std::string build = build_command(source, ""); !build.empty()) lines.run(build);
  if (source.has("artisan"))
    lines.run(
        "install-php-extensions pdo_pgsql pdo_mysql pcntl && chown -R www-data storage "
        "bootstrap/cache");
  lines.run("setcap -r /usr/local/bin/frankenphp; chown -R www-data /data/caddy /config/caddy")
      .add("USER www-data");
  lines.command(start_command(source,
                              std::string("frankenphp php-server --listen :${PORT:-8080} --root ") +
                                  (open ? "/app/public" : "/app"),
                              plan));
  return finish(std::move(plan), lines, source);
}

// ---- Ruby ----

bool ruby_fits(const Source& source) { return source.has("Gemfile"); }

Result<DetectedPlan> ruby_plan(const Source& source) {
  DetectedPlan plan;
  std::string version = version_in(source.text(".ruby-version"), 2);
  if (version.empty()) version = "3.3";
  plan.notes.push_back("Ruby " + version + ".");
  const bool rails = source.has("bin/rails") || source.has("config/application.rb");
  Lines lines;
  lines.add("FROM ruby:" + version + " AS build")
      .add("WORKDIR /app")
      .add("ENV BUNDLE_PATH=/usr/local/bundle BUNDLE_WITHOUT=development:test")
      .add(source.has("Gemfile.lock") ? "COPY Gemfile Gemfile.lock ./" : "COPY Gemfile ./")
      .run("bundle install")
      .add("COPY . .");
  const std::string build = build_command(
      source, rails ? "SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile" : "");
  if (!build.empty()) lines.run(build);
  lines.blank()
      .add("FROM ruby:" + version + "-slim")
      .run(
          "apt-get update && apt-get install --yes --no-install-recommends libpq5 libjemalloc2 && "
          "rm -rf /var/lib/apt/lists/* && useradd --uid 1001 --create-home app")
      .add("WORKDIR /app")
      .add(
          "ENV BUNDLE_PATH=/usr/local/bundle BUNDLE_WITHOUT=development:test RAILS_ENV=production "
          "RACK_ENV=production")
      .add("COPY --from=build /usr/local/bundle /usr/local/bundle")
      .add("COPY --from=build --chown=app /app /app")
      .add("USER app");
  const std::string port = "${PORT:-3000}";
  std::string start;
  if (rails)
    start = "bundle exec rails server -b 0.0.0.0 -p " + port;
  else if (source.has("config.ru"))
    start = "bundle exec rackup --host 0.0.0.0 --port " + port;
  else if (const std::string file = first_file(source.tree, {"app.rb", "main.rb", "server.rb"});
           !file.empty())
    start = "bundle exec ruby " + file;
  lines.command(start_command(source, start, plan));
  return finish(std::move(plan), lines, source);
}

// ---- Deno ----

bool deno_fits(const Source& source) {
  return !first_file(source.tree, {"deno.json", "deno.jsonc"}).empty();
}

Result<DetectedPlan> deno_plan(const Source& source) {
  DetectedPlan plan;
  const std::string file = first_file(
      source.tree, {"main.ts", "main.js", "server.ts", "index.ts", "mod.ts", "src/main.ts"});
  const std::string settings = source.text("deno.json") + source.text("deno.jsonc");
  const bool task = settings.find("\"start\"") != std::string::npos;
  Lines lines;
  lines.add("FROM denoland/deno:2.1.4").add("WORKDIR /app").add("COPY --chown=deno . .");
  if (const std::string build = build_command(source, ""); !build.empty()) lines.run(build);
  lines.add("USER deno");
  if (!file.empty()) lines.run("deno cache " + file);
  const std::string run = file.empty() ? "" : "deno run --allow-all " + file;
  lines.command(start_command(source, task ? "deno task start" : run, plan));
  return finish(std::move(plan), lines, source);
}

// ---- files as they are ----

std::string static_folder(const Source& source) {
  const std::string file = source.text("Staticfile");
  if (const auto at = file.find("root:"); at != std::string::npos) {
    std::string root = trimmed(file.substr(at + 5, file.find('\n', at) - at - 5));
    std::erase_if(root, [](char c) { return c == '"' || c == '\''; });
    return root;
  }
  if (source.has("index.html")) return ".";
  for (const char* folder : {"public", "dist", "build", "site", "www"})
    if (source.has(std::string(folder) + "/index.html")) return folder;
  return source.has("Staticfile") ? "." : "";
}

bool static_fits(const Source& source) { return !static_folder(source).empty(); }

Result<DetectedPlan> static_plan(const Source& source) {
  DetectedPlan plan;
  const std::string folder = static_folder(source);
  if (folder != "." && (!is_plain_path(folder) || folder.find("..") != std::string::npos))
    return invalid("", "unreadable_file", "Staticfile: root has to be a plain path below it");
  plan.notes.push_back("The files of " + (folder == "." ? "this directory" : folder) +
                       " are served as they are.");
  Lines lines;
  lines.add("FROM busybox:latest");
  lines.add("COPY " + folder + " /srv").run("rm -f /srv/Staticfile && touch /srv/.keep");
  if (const std::string build = build_command(source, ""); !build.empty())
    lines.add("WORKDIR /srv").run(build);
  lines.add("USER 1001:1001");
  lines.command(start_command(source, "busybox httpd -f -v -p ${PORT:-8080} -h /srv", plan));
  return finish(std::move(plan), lines, source);
}

// ---- a script ----

bool shell_fits(const Source& source) { return source.has("start.sh") || source.has("Procfile"); }

Result<DetectedPlan> shell_plan(const Source& source) {
  DetectedPlan plan;
  Lines lines;
  lines.add("FROM debian:bookworm-slim").add("WORKDIR /app").add("COPY . .");
  if (const std::string build = build_command(source, ""); !build.empty()) lines.run(build);
  lines.add("USER 1001:1001");
  lines.command(start_command(source, source.has("start.sh") ? "sh start.sh" : "", plan));
  return finish(std::move(plan), lines, source);
}

}  // namespace

const Provider kPhp{"php", php_fits, php_plan};
const Provider kRuby{"ruby", ruby_fits, ruby_plan};
const Provider kDeno{"deno", deno_fits, deno_plan};
const Provider kStatic{"static", static_fits, static_plan};
const Provider kShell{"shell", shell_fits, shell_plan};

}  // namespace gantry::detecting
