#include "runtime/backup/copy.hpp"

#include "runtime/build/sha256.hpp"

namespace gantry {
namespace {

constexpr std::size_t kTail = 2048;

Error differs(const std::string& detail) { return {Code::conflict, "checksum_differs", detail}; }

Error interrupted() { return {Code::unavailable, "interrupted", "the daemon stopped meanwhile"}; }

Error failed(const std::string& what, int code, std::string tail) {
  while (!tail.empty() && (tail.back() == '\n' || tail.back() == '\r')) tail.pop_back();
  return {
      Code::conflict, "program_failed",
      what + " ended with exit code " + std::to_string(code) + (tail.empty() ? "" : ": " + tail)};
}

void keep_tail(std::string& tail, std::string_view bytes) {
  tail += bytes;
  if (tail.size() > kTail) tail.erase(0, tail.size() - kTail);
}

// Its program is told to end when nobody wants it any more.
class ProgramOrigin final : public Origin {
 public:
  ProgramOrigin(std::unique_ptr<Execution> execution, std::string what, std::stop_token stop)
      : execution_(std::move(execution)),
        what_(std::move(what)),
        cancel_(stop, [this] { break_off(*execution_); }),
        stop_(std::move(stop)) {}

  Result<std::string> read() override {
    while (!ended_) {
      auto bytes = execution_->read();
      if (!bytes) return stop_.stop_requested() ? interrupted() : bytes.error();
      ended_ = bytes->bytes.empty();
      if (!ended_ && bytes->stream == ExecStream::out) return std::move(bytes->bytes);
      keep_tail(tail_, bytes->bytes);
    }
    return std::string();
  }
  Result<> finish() override {
    const auto code = execution_->exit_code();
    if (!code) return code.error();
    if (*code != 0) return failed(what_, *code, tail_);
    return done();
  }

 private:
  std::unique_ptr<Execution> execution_;
  const std::string what_;
  std::stop_callback<std::function<void()>> cancel_;
  const std::stop_token stop_;
  std::string tail_;
  bool ended_ = false;
};

class CountingSink final : public ByteSink {
 public:
  explicit CountingSink(ByteSink& out) : out_(out) {}
  Result<> write(std::string_view bytes) override {
    count += static_cast<std::int64_t>(bytes.size());
    return out_.write(bytes);
  }
  Result<> finish() override { return out_.finish(); }
  std::int64_t count = 0;

 private:
  ByteSink& out_;
};

class CopySource final : public ByteSource {
 public:
  CopySource(const Copied& wanted, const VaultKey& key, std::unique_ptr<ByteSource> stored,
             std::string label)
      : wanted_(wanted), stored_(std::move(stored)), plain_(open_from(key, label, *stored_)) {}
  Result<std::string> read() override {
    auto piece = plain_->read();
    if (!piece) return piece;
    sum_.add(*piece);
    if (piece->empty() && (sum_.bytes() != wanted_.bytes || sum_.hex() != wanted_.sha256))
      return differs("what is read has " + std::to_string(sum_.bytes()) + " bytes and SHA-256 " +
                     sum_.hex() + ", what was written " + std::to_string(wanted_.bytes) + " and " +
                     wanted_.sha256);
    return piece;
  }

 private:
  const Copied wanted_;
  std::unique_ptr<ByteSource> stored_;
  std::unique_ptr<ByteSource> plain_;
  Sha256 sum_;
};

Result<Copied> write_copy(Origin& origin, const VaultKey& key, Destination& destination,
                          const std::string& object, const std::string& label) {
  auto object_sink = destination.put(object);
  if (!object_sink) return object_sink.error();
  CountingSink counted(**object_sink);
  const auto sealed = seal_into(key, label, counted);
  Sha256 sum;
  while (true) {
    const auto piece = origin.read();
    if (!piece) return piece.error();
    if (piece->empty()) break;
    sum.add(*piece);
    GANTRY_TRY(sealed->write(*piece));
  }
  // Before the object gets its name.
  GANTRY_TRY(origin.finish());
  if (sum.bytes() == 0) return Error{Code::conflict, "empty_copy", "nothing was written"};
  GANTRY_TRY(sealed->finish());
  return Copied{sum.bytes(), counted.count, sum.hex()};
}

}  // namespace

std::unique_ptr<Origin> origin_of(std::unique_ptr<Execution> execution, std::string what,
                                  std::stop_token stop) {
  return std::make_unique<ProgramOrigin>(std::move(execution), std::move(what), std::move(stop));
}

Result<Copied> take_copy(Origin& origin, const VaultKey& key, Destination& destination,
                         const std::string& object, const std::string& label) {
  auto copied = write_copy(origin, key, destination, object, label);
  if (copied) {
    const auto checked = check_copy(*copied, key, destination, object, label);
    if (checked) return copied;
    copied = checked.error();
  }
  // As good as it gets: the reason for the failure is what is told.
  (void)destination.remove(object);
  return copied;
}

Result<> check_copy(const Copied& copied, const VaultKey& key, Destination& destination,
                    const std::string& object, const std::string& label) {
  const auto size = destination.size(object);
  if (!size) return size.error();
  if (!size->has_value()) return not_found("object " + object + " at the destination");
  if (**size != copied.stored_bytes)
    return differs("there are " + std::to_string(**size) + " bytes at the destination, " +
                   std::to_string(copied.stored_bytes) + " were sent");
  const auto plain = open_copy(copied, key, destination, object, label);
  if (!plain) return plain.error();
  return read_to_end(**plain);
}

Result<> read_to_end(ByteSource& source) {
  while (true) {
    const auto piece = source.read();
    if (!piece) return piece.error();
    if (piece->empty()) return done();
  }
}

Result<std::unique_ptr<ByteSource>> open_copy(const Copied& copied, const VaultKey& key,
                                              Destination& destination, const std::string& object,
                                              const std::string& label) {
  auto stored = destination.get(object);
  if (!stored) return stored.error();
  return std::unique_ptr<ByteSource>(
      std::make_unique<CopySource>(copied, key, std::move(*stored), label));
}

}  // namespace gantry
