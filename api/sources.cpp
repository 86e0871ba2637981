// Uploading the archive of a source: what is there, and the rest of it.
#include <charconv>

#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/problem.hpp"
#include "api/reply.hpp"
#include "proto/source_path.hpp"

namespace gantry::api {
namespace {

std::string state_json(const std::string& digest, const SourceState& state) {
  std::string out;
  JsonObject(out)
      .text("digest", digest)
      .number("received_bytes", static_cast<std::int64_t>(state.received_bytes))
      .boolean("complete", state.complete);
  return out;
}

struct Wanted {
  ProjectId project_id;
  std::string digest;
};

Result<Wanted> find_source(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const std::string& digest = request.path_parameters[1];
  if (!is_digest(digest))
    return invalid("?digest", "invalid_digest",
                   "expected \"sha256:\" and the archive's 64 lower-case hexadecimal digits");
  return Wanted{place->project->project.id, digest};
}

Result<std::uint64_t> read_offset(const Request& request) {
  const std::string* text = request.header("upload-offset");
  if (text == nullptr) return std::uint64_t{0};
  std::uint64_t offset = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), offset);
  if (error != std::errc() || end != text->data() + text->size())
    return invalid_header("Upload-Offset", "invalid_offset",
                          "expected the number of bytes that were received before");
  return offset;
}

class SourceIntake final : public Intake {
 public:
  SourceIntake(std::string digest, std::unique_ptr<Sources::Upload> upload)
      : digest_(std::move(digest)), upload_(std::move(upload)) {}

  Result<> write(std::string_view piece) override { return upload_->write(piece); }
  Result<Response> finish() override {
    const auto state = upload_->finish();
    if (!state) return state.error();
    Response response;
    response.status = 201;
    response.body = state_json(digest_, *state);
    return response;
  }

 private:
  const std::string digest_;
  std::unique_ptr<Sources::Upload> upload_;
};

// All of it is there: what comes is read and forgotten.
class NothingToDo final : public Intake {
 public:
  explicit NothingToDo(std::string body) : body_(std::move(body)) {}
  Result<> write(std::string_view) override { return done(); }
  Result<Response> finish() override {
    Response response;
    response.body = body_;
    return response;
  }

 private:
  const std::string body_;
};

}  // namespace

Answer get_source(const Request& request, Context& context) {
  const auto wanted = find_source(request, context);
  if (!wanted) return wanted.error();
  const auto state = context.sources.state(wanted->project_id, wanted->digest);
  if (!state) return state.error();
  return unversioned(request, state_json(wanted->digest, *state));
}

Result<std::unique_ptr<Intake>> put_source(const Request& request, Context& context) {
  const auto wanted = find_source(request, context);
  if (!wanted) return wanted.error();
  const auto offset = read_offset(request);
  if (!offset) return offset.error();
  const auto state = context.sources.state(wanted->project_id, wanted->digest);
  if (state && state->complete)
    return std::unique_ptr<Intake>(
        std::make_unique<NothingToDo>(state_json(wanted->digest, *state)));
  auto upload = context.sources.upload(wanted->project_id, wanted->digest, *offset);
  if (!upload) return upload.error();
  return std::unique_ptr<Intake>(
      std::make_unique<SourceIntake>(wanted->digest, std::move(*upload)));
}

}  // namespace gantry::api
