// A PostgreSQL of the daemon's own, for installations without one: made on first use, run as an
// unprivileged user, reached only through a socket in a directory that nobody else may enter. Owned
// by main; it outlives the daemon, which adopts it at the next start. Blocking; one thread at a
// time.
#pragma once

#include <string>

#include <sys/types.h>

#include "proto/result.hpp"

namespace gantry {

struct EmbeddedPostgresOptions {
  std::string data_dir;  // absolute; "<data_dir>/postgres" is made and given to `uid`
  std::string binaries;  // the directory of initdb and postgres; empty: the newest of
                         // /usr/lib/postgresql/*/bin
  uid_t uid = 65534;     // never root: PostgreSQL refuses
  gid_t gid = 65534;
  int start_timeout_seconds = 60;
};

// Makes, starts or adopts it, and waits until it answers: its conninfo (a superuser named "gantry",
// database "gantry"). Calling it again while it runs changes nothing; calling it after it died
// starts it again, so a periodic call is its supervision. When the daemon itself is not root it
// runs as the daemon's user. Errors are for a person: which directory is out of reach, which
// program is missing, what the server said.
Result<std::string> start_embedded_postgres(const EmbeddedPostgresOptions&);

// Fast shutdown: sessions are ended, everything is flushed. Nothing runs: done.
Result<> stop_embedded_postgres(const EmbeddedPostgresOptions&, int timeout_seconds);

// The server's process, 0 when it does not run.
pid_t embedded_postgres_pid(const EmbeddedPostgresOptions&);

}  // namespace gantry
