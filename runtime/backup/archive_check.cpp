#include "runtime/backup/archive_check.hpp"

#include <cerrno>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "runtime/backup/copy.hpp"

namespace gantry {
namespace {

struct Input {
  ByteSource& source;
  std::string piece;
  Result<> error = done();
};

la_ssize_t next_piece(archive* reader, void* from, const void** out) {
  auto& input = *static_cast<Input*>(from);
  auto piece = input.source.read();
  if (!piece) {
    input.error = piece.error();
    archive_set_error(reader, EIO, "the source failed");
    return -1;
  }
  input.piece = *std::move(piece);
  *out = input.piece.data();
  return static_cast<la_ssize_t>(input.piece.size());
}

}  // namespace

Result<std::int64_t> check_archive(ByteSource& source) {
  Input input{source, {}};
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(),
                                                                      archive_read_free);
  archive_read_support_format_tar(reader.get());
  archive_read_open(reader.get(), &input, nullptr, next_piece, nullptr);
  std::int64_t entries = 0;
  int state = ARCHIVE_OK;
  for (archive_entry* entry = nullptr;
       (state = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK ||
       state == ARCHIVE_WARN;
       ++entries)
    if (archive_read_data_skip(reader.get()) < ARCHIVE_WARN) break;
  if (!input.error) return input.error.error();
  if (state != ARCHIVE_EOF || entries == 0) {
    const char* said = archive_error_string(reader.get());
    return Error{Code::conflict, "archive_unreadable",
                 std::string("the archive cannot be read: ") + (said ? said : "it is empty")};
  }
  // What follows the archive's end belongs to the copy, and its end says whether it is whole.
  GANTRY_TRY(read_to_end(source));
  return entries;
}

}  // namespace gantry
