// Files inside volumes: seen, fetched, brought.
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/file.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/verbs.hpp"
#include "cli/volumes.hpp"
#include "proto/json.hpp"
#include "proto/percent.hpp"

namespace gantry::cli {
namespace {

std::string rooted(const std::string& path) { return path.starts_with('/') ? path : "/" + path; }

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string content_path(const NamedVolume& named, const std::string& path) {
  return named.path() + "/content?path=" + percent_encode(rooted(path));
}

std::string wanted_word(const Call& call, std::size_t index, const std::string& usage) {
  if (call.words.size() > index) return call.words[index];
  throw Failure{"a word is missing", "usage", "`{program} " + usage + "`", kUnreadable};
}

Failure no_file(const std::string& path) {
  return {"cannot open " + path, "file", "is it there, and may you read or write it?"};
}

int files(Session& session) {
  const Call& call = session.call();
  const NamedVolume named = find_volume(session);
  const std::string path = call.words.size() > 1 ? rooted(call.words[1]) : "/";
  const Json found = session.client().get(named.path() + "/files?path=" + percent_encode(path));
  if (session.json()) {
    print(found["data"].dump());
    return 0;
  }
  std::vector<Row> rows;
  for (const Json& each : found["data"].items()) {
    const bool folder = each["type"].text() == "directory";
    rows.push_back({each["mode"].text(),
                    folder ? "" : bytes_text(static_cast<std::uint64_t>(each["size"].number())),
                    each["modified"].text().substr(0, 19),
                    each["name"].text() + (folder ? "/" : ""), each["type"].text()});
  }
  print_table({"MODE", "SIZE", "MODIFIED", "NAME", "TYPE"}, rows);
  return 0;
}

// Into a file beside, renamed when all of it is there.
int get(Session& session) {
  const std::string usage = "volume get VOLUME PATH [FILE]";
  const std::string path = wanted_word(session.call(), 1, usage);
  const std::string to =
      session.call().words.size() > 2 ? session.call().words[2] : last_part(path);
  if (to.empty()) throw Failure{"which file?", "usage", "`{program} " + usage + "`", kUnreadable};
  const NamedVolume named = find_volume(session);
  const std::string beside = to + ".part";
  const bool piped = to == "-";
  const File file(piped ? ::dup(1)
                        : ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) throw no_file(beside);
  bool wrote = true;
  std::uint64_t bytes = 0;
  const Access& access = session.client().access();
  HttpCall call{.url = access.url + content_path(named, path), .timeout_seconds = 0};
  if (!access.token.empty()) call.headers.push_back("Authorization: Bearer " + access.token);
  call.stall_seconds = 60;
  call.on_data = [&](std::string_view piece) {
    bytes += piece.size();
    while (wrote && !piece.empty()) {
      const ssize_t count = ::write(file.get(), piece.data(), piece.size());
      wrote = count > 0;
      if (wrote) piece.remove_prefix(static_cast<std::size_t>(count));
    }
    return wrote;
  };
  Http http;
  const HttpReply reply = http.call(call);
  const bool whole = wrote && reply.trouble.empty() && reply.status / 100 == 2;
  if (!whole && !piped) ::unlink(beside.c_str());
  if (!wrote) throw Failure{"cannot write " + to, "file", "is the disk full?"};
  if (!whole) throw session.client().failure_of(reply);
  if (!piped && std::rename(beside.c_str(), to.c_str()) != 0) throw no_file(to);
  if (piped) return 0;
  std::string out;
  JsonObject(out).text("file", to).number("size", static_cast<std::int64_t>(bytes));
  print(session.json() ? out : "fetched " + to + ", " + bytes_text(bytes));
  return 0;
}

int put(Session& session) {
  const std::string usage = "volume put VOLUME FILE [PATH]";
  const std::string from = wanted_word(session.call(), 1, usage);
  std::string path = session.call().words.size() > 2 ? session.call().words[2] : "/";
  if (path.ends_with('/')) path += last_part(from);
  const NamedVolume named = find_volume(session);
  const File file(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) throw no_file(from);
  const FileBody body{.descriptor = file.get(), .size = static_cast<std::uint64_t>(info.st_size)};
  Progress progress(session);
  HttpReply reply = session.client().put_file(
      content_path(named, path), body, {"Content-Type: application/octet-stream"},
      [&](std::uint64_t sent) { progress.show("Uploading " + bar_text(sent, body.size)); });
  if (reply.status / 100 != 2 && reply.status != 0) reply.trouble.clear();  // it was told why
  if (!reply.trouble.empty() || reply.status / 100 != 2) throw session.client().failure_of(reply);
  print(session.json()
            ? reply.body
            : "wrote " + rooted(path) + " of " + named.name() + ", " + bytes_text(body.size));
  return 0;
}

}  // namespace

std::vector<Command> volume_file_commands() {
  return {{.path = "volume files",
           .summary = "the files in a folder of a volume",
           .words = "VOLUME [PATH]",
           .words_max = 2,
           .scope = Scope::environment,
           .examples = {"volume files data /uploads"},
           .run = files},
          {.path = "volume get",
           .summary = "fetch a file of a volume; FILE -: to stdout",
           .aliases = {"download"},
           .words = "VOLUME PATH [FILE]",
           .words_max = 3,
           .scope = Scope::environment,
           .examples = {"volume get data /uploads/logo.png"},
           .run = get},
          {.path = "volume put",
           .summary = "write a file into a volume",
           .aliases = {"upload"},
           .words = "VOLUME FILE [PATH]",
           .words_max = 3,
           .scope = Scope::environment,
           .examples = {"volume put data logo.png /uploads/"},
           .run = put}};
}

}  // namespace gantry::cli
