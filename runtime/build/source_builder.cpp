#include "runtime/build/source_builder.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>

#include <sys/stat.h>

#include "runtime/build/build_log.hpp"
#include "runtime/build/build_turns.hpp"
#include "runtime/build/dockerfile.hpp"
#include "runtime/build/files.hpp"
#include "runtime/build/image_name.hpp"
#include "runtime/build/inside.hpp"
#include "runtime/build/manifest.hpp"
#include "runtime/build/retention.hpp"
#include "runtime/build/source_config.hpp"
#include "runtime/build/sources.hpp"
#include "runtime/build/under_way.hpp"
#include "runtime/build/watch.hpp"
#include "runtime/files.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kManifestBytes = 512ULL << 20;
constexpr Seconds kForgotten{60 * 60};

Error cancelled() { return {Code::conflict, "cancelled", "the deployment was cancelled"}; }

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kMega = 1024 * 1024;
  if (bytes < kMega) return std::to_string((bytes + 1023) / 1024) + " KiB";
  return std::to_string(bytes / kMega) + "." + std::to_string(bytes % kMega * 10 / kMega) + " MiB";
}

class SourceBuilder final : public Builder {
 public:
  SourceBuilder(SourceBuilderOptions options, Logs& logs, ImageEngine& engine)
      : options_(std::move(options)), logs_(logs), engine_(engine), turns_(options_.concurrency) {
    std::error_code failed;
    fs::remove_all(options_.work, failed);
    fs::create_directories(options_.work, failed);
  }

  Result<Prepared> prepare(const PrepareOrder& order) override {
    const auto work = under_way_.begin(order.deployment_id);
    if (!work) return ended();
    BuildLog log(logs_, log_options(order.instance_id, order.deployment_id));
    auto prepared = prepare_unpacked(order, log, work->stop());
    if (!prepared || !prepared->skip_reason.empty() || folders() > options_.kept_folders)
      drop_folder(order.deployment_id);
    if (work->stop().stop_requested()) {
      drop_folder(order.deployment_id);
      return ended();
    }
    if (!prepared) log.complain(prepared.error().detail);
    return prepared;
  }

  Result<std::string> build(const BuildOrder& order) override {
    const auto work = under_way_.begin(order.deployment_id);
    if (!work) return ended();
    BuildLog log(logs_, log_options(order.instance_id, order.deployment_id));
    const auto turn =
        turns_.take(work->stop(), [&] { log.say("The build waits for another build to end."); });
    auto name = turn ? build_image(order, log, work->stop()) : Result<std::string>(cancelled());
    drop_folder(order.deployment_id);
    if (!name && work->stop().stop_requested()) name = ended();
    if (!name) log.complain(name.error().detail);
    return name;
  }

  void cancel(const DeploymentId& id) override {
    if (!under_way_.cancel(id)) drop_folder(id);
  }

  void stop() override { under_way_.stop(); }

  Result<> sweep(const std::vector<Release>& releases) override {
    sweep_files(releases);
    auto images = engine_.list(built_image_prefix(options_.installation_id));
    if (!images) return images.error();
    for (auto& image : *images) image.created_at = std::max(image.created_at, built_at(image.name));
    const Retention retention{.installation_id = options_.installation_id,
                              .per_instance = options_.keep_images,
                              .high_bytes = options_.images_high_bytes,
                              .low_bytes = options_.images_low_bytes,
                              .now = options_.clock->now()};
    for (const auto& name : images_to_remove(*images, releases, retention))
      GANTRY_TRY(engine_.remove(name));
    return options_.cache_bytes > 0 ? engine_.trim_cache(options_.cache_bytes) : done();
  }

 private:
  // Why work ended before its end.
  Error ended() {
    if (!under_way_.stopped()) return cancelled();
    return {Code::unavailable, "interrupted", "the daemon stops; the build begins again with it"};
  }

  BuildLogOptions log_options(const InstanceId& instance, const DeploymentId& deployment) const {
    return {instance, deployment, options_.log_bytes, options_.clock};
  }

  std::string folder(const DeploymentId& id) const {
    return options_.work + "/" + std::string(id.ulid());
  }
  std::string source_folder(const DeploymentId& id) const { return folder(id) + "/source"; }

  std::size_t folders() const {
    std::error_code failed;
    std::size_t count = 0;
    for (fs::directory_iterator it(options_.work, failed), end; !failed && it != end;
         it.increment(failed))
      ++count;
    return count;
  }

  void drop_folder(const DeploymentId& id) const {
    std::error_code failed;
    fs::remove_all(folder(id), failed);
  }

  std::string archive_file(const ProjectId& project, const std::string& digest) const {
    return source_file(options_.sources, project, digest);
  }

  Result<Unpacked> unpack_source(const DeploymentId& id, const ProjectId& project,
                                 const std::string& archive, const std::stop_token& stop) const {
    drop_folder(id);
    return unpack({.archive = archive_file(project, archive),
                   .folder = source_folder(id),
                   .limits = options_.unpack,
                   .stop = stop,
                   .clock = options_.clock});
  }

  Result<Prepared> prepare_unpacked(const PrepareOrder& order, BuildLog& log,
                                    const std::stop_token& stop) {
    const auto unpacked = unpack_source(order.deployment_id, order.project_id, order.archive, stop);
    if (!unpacked) return unpacked.error();
    log.say("Unpacked " + std::to_string(unpacked->entries) + " entries, " +
            size_text(unpacked->bytes) + ".");
    const std::string root = source_folder(order.deployment_id);
    const auto manifest = manifest_of(order, root, stop);
    if (!manifest) return manifest.error();
    const auto base = base_of(order.instance_id);
    if (!base) return base.error();
    auto config = source_config(root, with_known_neighbours(order, *manifest), *base);
    if (!config) return config.error();
    if (!config->file.empty()) log.say("Using the configuration of " + config->file + ".");
    for (const auto& line : config->lines) log.say(line);
    Prepared prepared{std::move(config->settings), std::move(config->json), {}};
    prepared.skip_reason = watch(order, prepared.settings, *manifest);
    if (!prepared.skip_reason.empty()) log.say(prepared.skip_reason);
    return prepared;
  }

  Result<std::optional<std::string>> base_of(const InstanceId& id) const {
    if (!options_.preview_base) return std::optional<std::string>();
    return options_.preview_base(id);
  }

  // Kept beside the archive, for the deployments after this one.
  Result<Manifest> manifest_of(const PrepareOrder& order, const std::string& root,
                               const std::stop_token& stop) const {
    const std::string path = manifest_file(archive_file(order.project_id, order.archive));
    if (const auto text = read_whole(path, kManifestBytes))
      if (auto kept = parse_manifest(*text)) return kept;
    auto manifest = read_manifest(root, stop);
    if (manifest) GANTRY_TRY(replace_file(path, manifest_text(*manifest)));
    return manifest;
  }

  // Without those that are deployed from another repository.
  PrepareOrder with_known_neighbours(PrepareOrder order, const Manifest& manifest) const {
    std::erase_if(order.neighbours, [&](const Neighbour& one) {
      if (one.archive == order.archive) return false;
      const auto text =
          read_whole(manifest_file(archive_file(order.project_id, one.archive)), kManifestBytes);
      const auto theirs = text ? parse_manifest(*text) : Result<Manifest>(Manifest());
      return !theirs || !same_repository(manifest, *theirs);
    });
    return order;
  }

  // With nothing to compare there is something to do.
  std::string watch(const PrepareOrder& order, const Settings& settings,
                    const Manifest& now) const {
    if (order.compared_with.empty() || settings.build.watch_patterns.empty()) return {};
    const auto text = read_whole(manifest_file(archive_file(order.project_id, order.compared_with)),
                                 kManifestBytes);
    if (!text) return {};
    const auto before = parse_manifest(*text);
    if (!before) return {};
    return skip_reason(settings.build.watch_patterns, changed_paths(*before, now));
  }

  Result<std::string> build_image(const BuildOrder& order, BuildLog& log,
                                  const std::stop_token& stop) {
    const std::string root = source_folder(order.deployment_id);
    std::error_code failed;
    if (!fs::exists(root, failed)) {
      const auto unpacked =
          unpack_source(order.deployment_id, order.project_id, order.archive, stop);
      if (!unpacked) return unpacked.error();
    }
    auto recipe = choose_recipe({.root = root,
                                 .scratch = folder(order.deployment_id) + "/written",
                                 .settings = order.settings,
                                 .variables = order.variables,
                                 .detect = options_.detect,
                                 .program_folders = options_.program_folders});
    if (!recipe) return recipe.error();
    for (const auto& line : recipe->lines) log.say(line);
    const ImageOrder image = image_order(order, *recipe);
    auto context = BuildContext::open(std::move(recipe->context));
    if (!context) return context.error();
    GANTRY_TRY(engine_.build(
        image, *context, [&](std::string_view bytes) { log.output(bytes); }, stop));
    log.flush();
    const std::scoped_lock lock(mutex_);
    built_[image.name] = options_.clock->now();
    return image.name;
  }

  // When this builder made it. The engine tells a cached image's age from its first build, and the
  // deployment that got it now may not be recorded yet.
  TimePoint built_at(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(built_,
                  [&](const auto& one) { return options_.clock->now() - one.second > kForgotten; });
    const auto found = built_.find(name);
    return found == built_.end() ? TimePoint() : found->second;
  }

  ImageOrder image_order(const BuildOrder& order, const Recipe& recipe) const {
    ImageOrder image;
    image.name = built_image_name(options_.installation_id, order.instance_id, order.deployment_id);
    image.dockerfile = recipe.dockerfile;
    image.deadline = options_.deadline;
    // The engine complains of arguments that no ARG declares, line by line.
    for (const auto& name : declared_arguments(recipe.text))
      if (const auto found = order.variables.find(name); found != order.variables.end())
        image.arguments.insert(*found);
    if (mounts_secrets(recipe.text))
      image.secrets.insert(order.variables.begin(), order.variables.end());
    const auto no_cache = order.variables.find("NO_CACHE");
    image.no_cache = no_cache != order.variables.end() && no_cache->second == "1";
    return image;
  }

  void sweep_files(const std::vector<Release>& releases) {
    SourceSweep sweep{.needed = {}, .now = options_.clock->now()};
    for (const auto& release : releases)
      if (!release.archive.empty())
        sweep.needed.insert(archive_file(release.project_id, release.archive));
    sweep_sources(options_.sources, sweep);
    sweep_folders();
  }

  // Of deployments that were prepared and never built.
  void sweep_folders() {
    std::error_code failed;
    for (fs::directory_iterator it(options_.work, failed), end; !failed && it != end;
         it.increment(failed)) {
      const auto id = DeploymentId::parse(std::string(DeploymentTag::prefix) + "_" +
                                          it->path().filename().string());
      struct stat info {};
      if (!id || under_way_.busy(*id) || ::stat(it->path().c_str(), &info) != 0) continue;
      const TimePoint made_at(Seconds(info.st_mtim.tv_sec));
      if (options_.clock->now() - made_at > kForgotten) drop_folder(*id);
    }
  }

  const SourceBuilderOptions options_;
  Logs& logs_;
  ImageEngine& engine_;
  BuildTurns turns_;
  UnderWay under_way_;
  std::mutex mutex_;
  std::map<std::string, TimePoint> built_;  // names, in the last hour
};

}  // namespace

std::unique_ptr<Builder> make_source_builder(SourceBuilderOptions options, Logs& build_logs,
                                             ImageEngine& engine) {
  return std::make_unique<SourceBuilder>(std::move(options), build_logs, engine);
}

}  // namespace gantry
