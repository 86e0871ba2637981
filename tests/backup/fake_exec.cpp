#include "tests/backup/fake_exec.hpp"

#include <algorithm>

namespace gantry::testing {
namespace {

constexpr std::size_t kPiece = 32 * 1024;
constexpr std::string_view kHead = "FAKE DUMP\n", kEnd = "END\n";

Error broken() { return {Code::unavailable, "stream_broken", "broken off"}; }

}  // namespace

std::string dump_of(const FakeDatabase& database) {
  return std::string(kHead) + manifest_lines(database.tables) + std::string(database.padding, '#') +
         "\n" + std::string(kEnd);
}

std::optional<FakeDatabase> read_dump(const std::string& text) {
  if (!text.starts_with(kHead) || !text.ends_with(kEnd)) return std::nullopt;
  std::string body = text.substr(kHead.size(), text.size() - kHead.size() - kEnd.size() - 1);
  const std::size_t padding = body.find('#');
  FakeDatabase database;
  if (padding != std::string::npos) {
    database.padding = body.size() - padding;
    body.resize(padding);
  }
  auto tables = parse_manifest(body);
  if (!tables) return std::nullopt;
  database.tables = *std::move(tables);
  return database;
}

class FakeExecution final : public Execution {
 public:
  FakeExecution(FakeExec& home, const ExecSpec& spec) : home_(home), spec_(spec) {
    const std::string& program = spec.command[0];
    const std::lock_guard lock(home_.mutex_);
    if (home_.fault_ && home_.fault_->program == program) fault_ = home_.fault_;
    const FakeDatabase& database = home_.databases_[spec.container_id];
    if (program == "dump" || program == "tar") out_ = dump_of(database);
    if (program == "inspect") out_ = manifest_lines(database.tables);
    if (program == "dump") home_.most_dumps = std::max<int>(home_.most_dumps, ++home_.dumps_now);
    if (program == "tar" && spec.input) out_.clear();
    waits_ = (program == "restore" || program == "tar") && spec.input;
  }
  ~FakeExecution() override {
    if (spec_.command[0] == "dump") --home_.dumps_now;
  }

  Result<ExecBytes> read() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !waits_ || cancelled_; });
    if (cancelled_) return broken();
    if (fault_ && at_ >= fault_->after_bytes) {
      if (!said_ && !fault_->says.empty()) {
        said_ = true;
        return ExecBytes{ExecStream::error, fault_->says};
      }
      if (!fault_->loses_a_row) return ExecBytes{};
    }
    std::size_t size = std::min(kPiece, out_.size() - at_);
    if (fault_ && !fault_->loses_a_row) size = std::min(size, fault_->after_bytes - at_);
    at_ += size;
    return ExecBytes{ExecStream::out, out_.substr(at_ - size, size)};
  }
  Result<> write(std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    if (cancelled_) return broken();
    in_ += bytes;
    return done();
  }
  Result<> close_input() override {
    const std::lock_guard lock(mutex_);
    auto database = read_dump(in_);
    if (!database) {
      code_ = 1;
    } else if (!fault_ || fault_->loses_a_row) {
      if (fault_) database->tables.begin()->second -= 1;
      home_.set(spec_.container_id, *database);
    }
    waits_ = false;
    changed_.notify_all();
    return done();
  }
  Result<> resize(const TerminalSize&) override { return done(); }
  Result<int> exit_code() override {
    return fault_ && !fault_->loses_a_row ? fault_->exit_code : code_;
  }
  void cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }

 private:
  FakeExec& home_;
  const ExecSpec spec_;
  std::optional<FakeFault> fault_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string out_, in_;
  std::size_t at_ = 0;
  bool waits_ = false, cancelled_ = false, said_ = false;
  int code_ = 0;
};

// A container that runs until it is dropped.
class FakeOneOff final : public Execution {
 public:
  FakeOneOff(FakeExec& home, std::string container)
      : home_(home), container_(std::move(container)) {
    ++home_.one_offs;
    home_.set(container_, {});
  }
  ~FakeOneOff() override {
    --home_.one_offs;
    const std::lock_guard lock(home_.mutex_);
    home_.databases_.erase(container_);
  }
  Result<ExecBytes> read() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return cancelled_; });
    return broken();
  }
  Result<> write(std::string_view) override { return broken(); }
  Result<> close_input() override { return done(); }
  Result<> resize(const TerminalSize&) override { return done(); }
  Result<int> exit_code() override { return 137; }
  void cancel() override {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }

 private:
  FakeExec& home_;
  const std::string container_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;
};

Result<std::unique_ptr<Execution>> FakeExec::exec(const ExecSpec& spec) {
  if (on_program) on_program(spec.command[0]);
  {
    const std::lock_guard lock(mutex_);
    programs_.push_back(spec);
    if (!databases_.contains(spec.container_id)) return not_found("container " + spec.container_id);
  }
  return std::unique_ptr<Execution>(std::make_unique<FakeExecution>(*this, spec));
}

Result<std::unique_ptr<Execution>> FakeExec::run(const OneOffSpec& spec) {
  if (on_program) on_program("run");
  {
    const std::lock_guard lock(mutex_);
    runs_.push_back(spec);
  }
  return std::unique_ptr<Execution>(
      std::make_unique<FakeOneOff>(*this, one_off_container(spec.session_id)));
}

std::map<std::string, FakeDatabase> FakeExec::databases() const {
  const std::lock_guard lock(mutex_);
  return databases_;
}
std::vector<ExecSpec> FakeExec::programs() const {
  const std::lock_guard lock(mutex_);
  return programs_;
}
std::vector<OneOffSpec> FakeExec::runs() const {
  const std::lock_guard lock(mutex_);
  return runs_;
}
void FakeExec::set(const std::string& container, FakeDatabase database) {
  const std::lock_guard lock(mutex_);
  databases_[container] = std::move(database);
}
void FakeExec::fault(std::optional<FakeFault> wanted) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(wanted);
}

std::string one_off_container(const SessionId& id) { return "one-off-" + id.str(); }

const TemplateService* fake_template(std::string_view from_template) {
  static const TemplateService made = [] {
    TemplateService service;
    service.name = "db";
    service.image = "fake:1";
    service.healthcheck_command = {"health"};
    service.tools.dump = {"dump"};
    service.tools.restore = {"restore"};
    service.tools.inspect = {"inspect"};
    service.tools.check = {"check"};
    return service;
  }();
  return from_template == "fake" ? &made : nullptr;
}

}  // namespace gantry::testing
