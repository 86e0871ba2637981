// A source builder on real folders, with an engine that only takes notes.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "runtime/build/build_log.hpp"
#include "runtime/build/sha256.hpp"
#include "runtime/build/source_builder.hpp"
#include "runtime/build/sources.hpp"
#include "tests/support/fake_logs.hpp"
#include "tests/support/tar.hpp"

namespace gantry::testing {

class FakeImageEngine final : public ImageEngine {
 public:
  Result<> build(const ImageOrder& order, BuildContext& context, const Sink& sink,
                 std::stop_token stop) override {
    {
      const std::scoped_lock lock(mutex_);
      orders.push_back(order);
      paths = context.paths();
      ++running;
      most = std::max(most, running);
    }
    std::string tar;
    while (true) {
      auto piece = context.next();
      if (!piece || piece->empty()) break;
      tar += *piece;
    }
    sink("#1 FROM base\n#2 RUN");
    sink(" make\n");
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [&] { return !blocked; });
    --running;
    last_tar = tar;
    if (stop.stop_requested()) return Error{Code::unavailable, "engine_unavailable", "cut off"};
    if (fails) return *fails;
    images.push_back({order.name, 100, created_at});
    return done();
  }
  Result<std::vector<StoredImage>> list(const std::string& prefix) override {
    std::vector<StoredImage> found;
    for (const auto& image : images)
      if (image.name.starts_with(prefix)) found.push_back(image);
    return found;
  }
  Result<> remove(const std::string& name) override {
    std::erase_if(images, [&](const auto& image) { return image.name == name; });
    return done();
  }
  Result<> trim_cache(std::uint64_t bytes) override {
    trimmed_to = bytes;
    return done();
  }
  std::uint64_t trimmed_to = 0;
  void block(std::optional<bool> value) {
    const std::scoped_lock lock(mutex_);
    blocked = *value;
    changed_.notify_all();
  }
  int running_now() {
    const std::scoped_lock lock(mutex_);
    return running;
  }

  std::vector<ImageOrder> orders;
  std::vector<std::string> paths;
  std::vector<StoredImage> images;
  std::string last_tar;
  std::optional<Error> fails;
  TimePoint created_at = system_clock().now();  // of what is built
  bool blocked = false;
  int running = 0, most = 0;

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
};

class BuilderBench : public ::testing::Test {
 protected:
  BuilderBench() {
    options_.installation_id = InstallationId::make(system_clock().now());
    options_.sources = place_ + "/sources";
    options_.work = place_ + "/builds";
    options_.program_folders = {place_ + "/bin"};
    options_.unpack.reserve_bytes = 0;
    options_.detect = [this](const DetectRequest& request) -> Result<DetectedBuild> {
      detected_.push_back(request.folder);
      return DetectedBuild{"FROM detected\nARG API_KEY\n", "node_modules\n", {"It is Node."}};
    };
    restart();
  }
  ~BuilderBench() override {
    builder_.reset();
    std::filesystem::remove_all(place_);
  }

  void restart() { builder_ = make_source_builder(options_, logs_, engine_); }

  std::string upload(const Tar& tar) { return upload_bytes(tar.gzip()); }
  std::string upload_bytes(const std::string& bytes) {
    const std::string digest = "sha256:" + sha256_hex(bytes);
    const auto sources =
        make_sources({.directory = options_.sources, .archive_bytes = 1 << 28, .reserve_bytes = 0});
    auto upload = sources->upload(project_, digest, 0);
    if (!upload) return digest;
    EXPECT_TRUE((*upload)->write(bytes).ok());
    EXPECT_TRUE((*upload)->finish().ok());
    return digest;
  }
  PrepareOrder prepare_order(const std::string& archive) {
    PrepareOrder order;
    order.deployment_id = DeploymentId::make(system_clock().now());
    order.instance_id = instance_;
    order.project_id = project_;
    order.archive = archive;
    order.environment = "production";
    order.service = "api";
    order.settings = settings_;
    order.settings.source.archive = archive;
    return order;
  }
  BuildOrder build_order(const PrepareOrder& order, const Settings& settings) const {
    return {order.deployment_id, order.instance_id, order.project_id, order.archive,
            order.service,       settings,          variables_};
  }
  // Both steps; the detail of what went wrong, or the image's name.
  std::string deploy(const Tar& tar) {
    const auto order = prepare_order(upload(tar));
    const auto prepared = builder_->prepare(order);
    if (!prepared) return prepared.error().detail;
    last_ = order.deployment_id;
    const auto built = builder_->build(build_order(order, prepared->settings));
    return built ? *built : built.error().detail;
  }
  std::string refusal(const Tar& tar) {
    const auto prepared = builder_->prepare(prepare_order(upload(tar)));
    if (prepared) return "";
    EXPECT_EQ(prepared.error().code, Code::invalid);
    return prepared.error().detail;
  }
  std::string log_text() {
    std::string text;
    const auto lines =
        logs_.read({.instance_id = instance_, .deployment_id = {}, .replica_id = {}, .since = {}});
    for (const auto& line : *lines) text += line.text + "\n";
    return text;
  }
  std::size_t work_folders() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options_.work))
      count += entry.is_directory() ? 1 : 0;
    return count;
  }

  const std::string place_ =
      ::testing::TempDir() + "gantry-builder-" + new_ulid(system_clock().now());
  const ProjectId project_ = ProjectId::make(system_clock().now());
  const InstanceId instance_ = InstanceId::make(system_clock().now());
  Settings settings_;
  ResolvedVariables variables_;
  std::vector<std::string> detected_;
  FakeLogs logs_;
  FakeImageEngine engine_;
  SourceBuilderOptions options_;
  DeploymentId last_;
  std::unique_ptr<Builder> builder_;
};

}  // namespace gantry::testing
