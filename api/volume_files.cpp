// Files inside a volume: looked at, fetched, brought, removed.
#include "runtime/volume_files.hpp"

#include <fmt/format.h>

#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/problem.hpp"
#include "api/reply.hpp"
#include "api/write.hpp"
#include "proto/json.hpp"

namespace gantry::api {
namespace {

struct Wanted {
  VolumeFiles& files;
  VolumeId id;
  std::string path;
};

Result<Wanted> find_wanted(const Request& request, Context& context) {
  const auto place = find_volume(request, context);
  if (!place) return place.error();
  if (context.volume_files == nullptr)
    return Error{Code::unavailable, "volume_unreachable", "this server reaches no volume's files"};
  const std::string* path = request.query_value("path");
  if (path == nullptr)
    return invalid("?path", "required",
                   "say which: ?path=/file, from the volume's root (not from where it is mounted)");
  return Wanted{*context.volume_files, place->volume->id, *path};
}

void append_entry(std::string& out, const VolumeEntry& entry) {
  JsonObject(out)
      .text("name", entry.name)
      .text("type", name(entry.type))
      .number("size", entry.size)
      .text("mode", fmt::format("{:04o}", entry.mode))
      .time("modified", entry.modified);
}

// As many bytes as the head has promised, or it ends early and the reader knows.
class FileStream final : public Stream {
 public:
  explicit FileStream(std::unique_ptr<VolumeFiles::Download> file) : file_(std::move(file)) {}
  void on_ready(std::function<void()>) override {}
  bool read(std::string& out) override {
    auto bytes = file_->read();
    if (!bytes || bytes->empty()) return false;
    out += *bytes;
    return true;
  }

 private:
  const std::unique_ptr<VolumeFiles::Download> file_;
};

class FileIntake final : public Intake {
 public:
  FileIntake(std::string path, std::unique_ptr<VolumeFiles::Upload> upload)
      : path_(std::move(path)), upload_(std::move(upload)) {}
  Result<> write(std::string_view piece) override { return upload_->write(piece); }
  Result<Response> finish() override {
    const auto bytes = upload_->finish();
    if (!bytes) return bytes.error();
    Response response;
    response.status = 201;
    JsonObject(response.body).text("path", path_).number("size", static_cast<std::int64_t>(*bytes));
    return response;
  }

 private:
  const std::string path_;
  const std::unique_ptr<VolumeFiles::Upload> upload_;
};

}  // namespace

Answer list_volume_files(const Request& request, Context& context) {
  const auto wanted = find_wanted(request, context);
  if (!wanted) return wanted.error();
  const auto entries = wanted->files.list(wanted->id, wanted->path);
  if (!entries) return entries.error();
  std::string items;
  for (const VolumeEntry& entry : *entries) {
    if (!items.empty()) items += ',';
    append_entry(items, entry);
  }
  Response response;
  JsonObject(response.body).text("path", wanted->path).raw("data", "[" + items + "]");
  return response;
}

Answer get_volume_file(const Request& request, Context& context) {
  const auto wanted = find_wanted(request, context);
  if (!wanted) return wanted.error();
  auto file = wanted->files.download(wanted->id, wanted->path);
  if (!file) return file.error();
  Response response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Content-Length", std::to_string((*file)->size()));
  response.stream = std::make_shared<FileStream>(*std::move(file));
  return response;
}

Result<std::unique_ptr<Intake>> put_volume_file(const Request& request, Context& context) {
  const auto wanted = find_wanted(request, context);
  if (!wanted) return wanted.error();
  auto upload = wanted->files.upload(wanted->id, wanted->path);
  if (!upload) return upload.error();
  return std::unique_ptr<Intake>(std::make_unique<FileIntake>(wanted->path, *std::move(upload)));
}

Answer delete_volume_file(const Request& request, Context& context, Transaction&) {
  const auto wanted = find_wanted(request, context);
  if (!wanted) return wanted.error();
  if (is_dry_run(request)) return no_content();
  GANTRY_TRY(wanted->files.remove(wanted->id, wanted->path));
  return no_content();
}

}  // namespace gantry::api
