#include "runtime/build/buildkit.hpp"

#include <atomic>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/statvfs.h>

#include "proto/percent.hpp"
#include "runtime/build/engine_exchange.hpp"
#include "runtime/build/narrator.hpp"
#include "runtime/build/session.hpp"
#include "runtime/build/written.hpp"
#include "runtime/docker/engine_client.hpp"

namespace gantry {
namespace {

using docker::Verb;
using Json = nlohmann::json;

std::string size_text(std::int64_t bytes) { return fmt::format("{} MiB", bytes >> 20); }

// What ends a build before it ends itself; looked at while it runs.
class Watch {
 public:
  Watch(const BuildCgroup& cgroup, std::string disk, Seconds deadline, std::stop_token stop)
      : cgroup_(cgroup),
        disk_(std::move(disk)),
        deadline_(deadline),
        stop_(std::move(stop)),
        hits_(cgroup.baseline()),
        written_({.cgroup = cgroup.steps(), .engine_root = disk_}) {}

  Result<> check() {
    if (stop_.stop_requested())
      return Error{Code::conflict, "cancelled", "the build was cancelled"};
    if (system_clock().now() >= began_ + deadline_)
      return Error{Code::exhausted, "build_deadline",
                   fmt::format("the build did not end within {} seconds", deadline_.count())};
    if (!cgroup_.full_of_pids()) {
      full_since_ = system_clock().now();
    } else if (system_clock().now() - full_since_ >= kForkPatience) {
      return too_many_processes("they did not become fewer");
    }
    return check_disk();
  }

  // A failure that a limit caused says so.
  Error explained(Error error) const {
    const BuildCgroup::Hits now = cgroup_.hits();
    const bool killed = error.detail.find("exit code 137") != std::string::npos ||
                        error.detail.find("illed") != std::string::npos;
    if (now.memory > hits_.memory && killed)
      return {Code::exhausted, "build_memory",
              "the build ran out of memory: builds have " +
                  size_text(cgroup_.limits().memory_bytes) + " (build.memory_bytes); " +
                  error.detail};
    if (now.pids > hits_.pids) return too_many_processes(error.detail);
    return error;
  }
  bool hit_pids() const { return cgroup_.hits().pids > hits_.pids; }

 private:
  // A build that forks as fast as its processes end would go on until its deadline.
  static constexpr Seconds kForkPatience{5};

  Result<> check_disk() {
    const std::int64_t most = cgroup_.limits().disk_bytes;
    if (most > 0 && written_.bytes() > most)
      return Error{Code::exhausted, "build_disk",
                   "the build wrote more than " + size_text(most) + " (build.disk_bytes)"};
    struct statvfs seen {};
    if (disk_.empty() || statvfs(disk_.c_str(), &seen) != 0) return done();
    const auto block = static_cast<std::int64_t>(seen.f_frsize);
    const std::int64_t free = static_cast<std::int64_t>(seen.f_bavail) * block;
    if (free >= cgroup_.limits().least_free_bytes) return done();
    return Error{Code::exhausted, "build_disk_full",
                 "the engine's disk at " + disk_ + " has only " + size_text(free) +
                     " left, so the build was ended before it is full; nobody knows whether it was "
                     "this build that filled it. Free some, or lower build.images_bytes and "
                     "build.cache_bytes"};
  }

  Error too_many_processes(const std::string& detail) const {
    return {Code::exhausted, "build_pids",
            fmt::format("the build started too many processes: builds have {} (build.pids); {}",
                        cgroup_.limits().pids, detail)};
  }

  const BuildCgroup& cgroup_;
  const std::string disk_;
  const Seconds deadline_;
  const std::stop_token stop_;
  const TimePoint began_ = system_clock().now();
  const BuildCgroup::Hits hits_;
  BuildWritten written_;
  TimePoint full_since_ = began_;
};

class BuildKit final : public ImageEngine {
 public:
  explicit BuildKit(const BuildKitOptions& options)
      : options_(options),
        client_(docker::make_engine_client(options.socket_path)),
        cgroup_(options.limits) {}

  Result<> build(const ImageOrder& order, BuildContext& context, const Sink& sink,
                 std::stop_token stop) override {
    limit();
    std::unique_ptr<BuildSession> session;
    if (!order.secrets.empty()) {
      auto opened = open_build_session(options_.socket_path, order.secrets);
      if (!opened) return opened.error();
      session = std::move(*opened);
    }
    const std::string id = new_ulid(system_clock().now());
    Watch watch(cgroup_, disk(), order.deadline, std::move(stop));
    Narrator narrator(sink);
    const auto status = exchange(options_.socket_path,
                                 {.target = target(order, id, session.get()),
                                  .next = [&] { return context.next(); },
                                  .body = [&](std::string_view bytes) { narrator.feed(bytes); },
                                  .check = [&] { return watch.check(); }});
    narrator.finish();
    if (!status) {
      (void)client_->call({.verb = Verb::post, .target = "/build/cancel?id=" + id});
      const bool fork_bomb = status.error().reason == "build_deadline" && watch.hit_pids();
      return fork_bomb ? watch.explained(status.error()) : status.error();
    }
    const auto image = narrator.outcome(*status);
    if (!image) return watch.explained(image.error());
    return done();
  }

  Result<std::vector<StoredImage>> list(const std::string& prefix) override {
    const std::string filter = Json{{"reference", {prefix + "*"}}}.dump();
    const auto reply = client_->call({.target = "/images/json?filters=" + percent_encode(filter)});
    if (!reply) return reply.error();
    if (!reply->ok()) return docker::status_error(*reply);
    const Json images = Json::parse(reply->body, nullptr, false);
    if (!images.is_array())
      return Error{Code::internal, "engine_reply_unreadable", "the list of images is no list"};
    std::vector<StoredImage> found;
    for (const Json& image : images)
      for (const Json& name : image.value("RepoTags", Json::array()))
        if (name.is_string() && name.get_ref<const std::string&>().starts_with(prefix))
          found.push_back({.name = name.get<std::string>(),
                           .bytes = image.value("Size", std::uint64_t{0}),
                           .created_at = TimePoint(Seconds(image.value("Created", 0LL)))});
    return found;
  }

  Result<> remove(const std::string& name) override {
    const auto reply = client_->call({.verb = Verb::del, .target = "/images/" + name});
    if (!reply) return reply.error();
    if (reply->ok() || reply->status == 404 || reply->status == 409) return done();
    return docker::status_error(*reply);
  }

  Result<> trim_cache(std::uint64_t bytes) override {
    const auto reply =
        client_->call({.verb = Verb::post,
                       .target = fmt::format("/build/prune?all=1&keep-storage={}", bytes),
                       .timeout = kTrimPatience});
    if (!reply) return reply.error();
    return reply->ok() ? done() : Result<>(docker::status_error(*reply));
  }

 private:
  static constexpr Seconds kTrimPatience{10 * 60};  // many gigabytes of small files

  // The cgroup goes away with the engine, so the limits are written before each build.
  void limit() {
    if (auto applied = cgroup_.apply(); !applied && !warned_.exchange(true))
      options_.warn(applied.error().detail);
  }

  // Where the engine writes; empty: not on this machine.
  std::string disk() {
    const auto reply = client_->call({.target = "/info"});
    if (!reply || !reply->ok()) return "";
    const Json info = Json::parse(reply->body, nullptr, false);
    return info.is_object() ? info.value("DockerRootDir", std::string()) : "";
  }

  static std::string target(const ImageOrder& order, const std::string& id,
                            const BuildSession* session) {
    std::string out = "/build?version=2&buildid=" + id + "&t=" + percent_encode(order.name) +
                      "&dockerfile=" + percent_encode(order.dockerfile) +
                      "&buildargs=" + percent_encode(Json(order.arguments).dump());
    if (order.no_cache) out += "&nocache=1";
    if (session != nullptr) out += "&session=" + session->id();
    return out;
  }

  const BuildKitOptions options_;
  const std::unique_ptr<docker::EngineClient> client_;
  BuildCgroup cgroup_;
  std::atomic<bool> warned_{false};
};

}  // namespace

std::unique_ptr<ImageEngine> make_buildkit(const BuildKitOptions& options) {
  return std::make_unique<BuildKit>(options);
}

}  // namespace gantry
