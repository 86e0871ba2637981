// Snapshots: the files of a service's volumes as one archive, written and read by `tar` in
// containers of its image.
#include <algorithm>

#include "runtime/backup/jobs.hpp"

namespace gantry {
namespace {

constexpr const char* kRoot = "0";  // who may read and give back everybody's files

std::vector<std::string> paths_of(const std::vector<Volume>& volumes) {
  std::vector<std::string> paths;
  for (const Volume& one : volumes) paths.push_back(one.mount_path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string list_of(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& one : words) list += (list.empty() ? "" : ", ") + one;
  return list.empty() ? "nothing" : list;
}

bool is_below(const std::string& path, const std::vector<std::string>& others) {
  return std::any_of(others.begin(), others.end(), [&](const std::string& other) {
    return path.size() > other.size() && path.starts_with(other + "/");
  });
}

// GNU's keeps more than the format demands. Owners by number: names are those of one image.
void append_gnu(std::vector<std::string>& command) {
  command.insert(command.end(),
                 {"--numeric-owner", "--xattrs", "--xattrs-include=user.*", "--acls"});
}

std::string end_of(const std::string& ulid) { return "-" + ulid.substr(20); }

Result<Name> name_with(const Name& name, const std::string& end) {
  return Name::parse(name.str().substr(0, 30 - end.size()) + end);
}

// Those of a service that what is in a snapshot goes to.
Result<std::vector<Volume>> places_for(const Backup& backup, const std::vector<Volume>& volumes) {
  const auto mounts = paths_of(volumes);
  const auto wrong = [&](const std::string& why) {
    return Error{Code::conflict, "other_mounts",
                 "the snapshot has " + list_of(backup.mounts) + ", the service mounts " +
                     list_of(mounts) + ": " + why};
  };
  std::vector<Volume> found;
  for (const std::string& path : backup.mounts) {
    const auto one = std::find_if(volumes.begin(), volumes.end(),
                                  [&](const Volume& each) { return each.mount_path == path; });
    if (one != volumes.end()) found.push_back(*one);
  }
  if (!found.empty() && found.size() == backup.mounts.size()) return found;
  if (volumes.empty())
    return Error{Code::conflict, "no_volume", "the service mounts no volume: attach one first"};
  if (backup.mounts.size() > 1) return wrong("attach a volume at each of these paths first");
  if (volumes.size() > 1) return wrong("attach the volume that it is for at that path first");
  return volumes;  // one is one, wherever it is mounted
}

}  // namespace

Result<bool> BackupJobs::has_gnu_tar(const std::string& container, const std::string& image,
                                     const std::stop_token& stop) {
  const auto said = run_in(
      ports_.exec, {.container_id = container, .command = {"tar", "--version"}, .user = kRoot},
      "tar", nullptr, stop);
  if (!said && said.error().reason == "start_failed")
    return Error{Code::conflict, "no_tar",
                 "there is no tar in the image " + image + ": a snapshot needs one"};
  if (!said && said.error().code == Code::unavailable) return said.error();
  return said && said->find("GNU tar") != std::string::npos;
}

Result<std::vector<std::string>> BackupJobs::pack_command(Backup& backup, const Subject& from,
                                                          const std::string& container,
                                                          const std::stop_token& stop) {
  if (from.volumes.empty())
    return Error{Code::conflict, "no_volume", "the service mounts no volume"};
  const auto gnu = has_gnu_tar(container, from.image, stop);
  if (!gnu) return gnu.error();
  backup.mounts = paths_of(from.volumes);
  std::vector<std::string> command{"tar"};
  if (*gnu) {
    append_gnu(command);
    command.emplace_back("--sparse");
  }
  const bool one = backup.mounts.size() == 1;
  for (const char* word : {"-C", one ? backup.mounts[0].c_str() : "/", "-cf", "-"})
    command.emplace_back(word);
  if (one) command.emplace_back(".");
  for (const std::string& path : backup.mounts)
    if (!one && !is_below(path, backup.mounts)) command.push_back("." + path);
  return command;
}

Result<> BackupJobs::unpack(const Backup& backup, const Subject& to,
                            const std::vector<Volume>& volumes, const std::stop_token& stop) {
  OneOffSpec spec = one_off(to);
  spec.command = {"sleep", "2147483647"};
  for (const Volume& one : volumes) {
    GANTRY_TRY(ports_.volumes->create(one.id));
    GANTRY_TRY(ports_.store.record_volume_made(one.id));
    spec.mounts.push_back({one.id, one.mount_path, true});
  }
  // The image whose tar wrote it, as long as there is one.
  if (!backup.image.empty()) spec.image = backup.image;
  auto container = ports_.workbench.start(spec);
  if (!container && container.error().reason == "image_not_found" && !to.image.empty() &&
      to.image != spec.image) {
    spec.image = to.image;
    spec.session_id = SessionId::make(ports_.clock.now());
    container = ports_.workbench.start(spec);
  }
  if (!container) return container.error();
  const std::string& id = (*container)->container_id();
  const auto gnu = has_gnu_tar(id, spec.image, stop);
  if (!gnu) return gnu.error();
  if (!*gnu && !backup.image.empty() && spec.image != backup.image)
    return Error{Code::conflict, "no_tar",
                 "the image " + backup.image + ", whose tar wrote it, is not there any more, and " +
                     spec.image + " has no GNU tar, which reads them all"};
  std::vector<std::string> command{"tar"};
  if (*gnu) append_gnu(command);
  for (const char* word :
       {"-C", backup.mounts.size() > 1 ? "/" : volumes[0].mount_path.c_str(), "-xpf", "-"})
    command.emplace_back(word);
  const auto place = places_.open(backup.destination);
  if (!place) return place.error();
  const auto plain =
      open_copy(copied_of(backup), options_.key, **place, backup.object_key, label_of(backup));
  if (!plain) return plain.error();
  const auto unpacked =
      run_in(ports_.exec, {.container_id = id, .command = std::move(command), .user = kRoot},
             "unpacking", plain->get(), stop);
  if (!unpacked) return unpacked.error();
  return read_to_end(**plain);
}

// Volumes that are to take the places of others.
Result<std::vector<Volume>> BackupJobs::make_beside(const Restore& restore,
                                                    const std::vector<Volume>& olds) {
  std::vector<Volume> news;
  auto making = ports_.store.begin(Actor{});
  if (!making) return making.error();
  for (const Volume& old : olds) {
    const auto name = name_with(old.name, end_of(std::string(restore.id.ulid())));
    if (!name) return name.error();
    auto made = (*making)->create_volume({old.environment_id, *name, old.size_bytes});
    if (!made) return made.error();
    made->mount_path = old.mount_path;
    news.push_back(*std::move(made));
  }
  GANTRY_TRY((*making)->commit());
  return news;
}

// All of them or none. The new ones get the names, too.
Result<> BackupJobs::swap(const std::vector<Volume>& olds, const std::vector<Volume>& news,
                          const InstanceId& instance) {
  auto swapping = ports_.store.begin(Actor{});
  if (!swapping) return swapping.error();
  for (std::size_t i = 0; i < olds.size(); ++i) {
    const auto aside = name_with(olds[i].name, end_of(std::string(olds[i].id.ulid())));
    if (!aside) return aside.error();
    if (const auto off = (*swapping)->detach_volume(olds[i].id); !off) return off.error();
    if (const auto renamed = (*swapping)->change_volume(olds[i].id, {.name = *aside}, {}); !renamed)
      return renamed.error();
    if (const auto named = (*swapping)->change_volume(news[i].id, {.name = olds[i].name}, {});
        !named)
      return named.error();
    if (const auto on = (*swapping)->attach_volume(news[i].id, instance, olds[i].mount_path); !on)
      return on.error();
  }
  return (*swapping)->commit();
}

// Into new volumes that take the places of the old ones, which stay as they are.
Result<> BackupJobs::give_back_beside(const Restore& restore, const Backup& backup,
                                      const Subject& to, const std::stop_token& stop) {
  const auto olds = places_for(backup, to.volumes);
  if (!olds) return olds.error();
  const auto news = make_beside(restore, *olds);
  if (!news) return news.error();
  auto given = unpack(backup, to, *news, stop);
  if (given) given = swap(*olds, *news, restore.instance_id);
  if (given) return done();
  // Half of it is of use to nobody.
  if (auto undoing = ports_.store.begin(Actor{}); undoing) {
    for (const Volume& one : *news) (void)(*undoing)->delete_volume(one.id, {});
    (void)(*undoing)->commit();
  }
  return given;
}

Result<> BackupJobs::give_back_snapshot(const Restore& restore, const Backup& backup,
                                        const std::stop_token& stop) {
  if (ports_.volumes == nullptr)
    return Error{Code::conflict, "no_volume", "this daemon's engine has no volumes"};
  if (restore.fresh) GANTRY_TRY(committed(restore.instance_id, stop));
  const auto to = subject(restore.instance_id, backup.from_template);
  if (!to) return to.error();
  if (!restore.fresh) return give_back_beside(restore, backup, *to, stop);
  // A program that finds its data at its first start makes none of its own.
  const auto into = places_for(backup, to->volumes);
  if (!into) return into.error();
  const auto given = unpack(backup, *to, *into, stop);
  if (given) return bring_up(restore, backup.kind, stop);
  if (given.error().reason != "image_not_found") return given;
  // Only a deployment fetches or builds it.
  GANTRY_TRY(bring_up(restore, backup.kind, stop));
  const auto running = subject(restore.instance_id, backup.from_template);
  if (!running) return running.error();
  return give_back_beside(restore, backup, *running, stop);
}

}  // namespace gantry
