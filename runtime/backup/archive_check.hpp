// Whether a stream is an archive of files that can be read to its end.
#pragma once

#include <cstdint>

#include "runtime/backup/bytes.hpp"

namespace gantry {

// The number of its entries, all of them read. Errors: conflict "archive_unreadable"; those of the
// source.
Result<std::int64_t> check_archive(ByteSource&);

}  // namespace gantry
