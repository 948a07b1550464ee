// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "borg/listing.h"

namespace cyborg {
namespace {

// the queue is above borg's lock: nobody else should hold it for long
constexpr const char* kLockWait = "30";

std::vector<std::string> global_options() {
  return {"borg", "--log-json", "--progress", "--show-rc", "--lock-wait", kLockWait};
}

void append(std::vector<std::string>& to, std::initializer_list<std::string> words) {
  to.insert(to.end(), words);
}

// Adds paths inside an archive; the top is the whole archive. "pp:" is the default style, needed for paths
// that begin with another style's prefix.
void append_paths(std::vector<std::string>& command, const std::vector<std::string>& paths) {
  const bool top =
      std::ranges::any_of(paths, [](const std::string& path) { return archive_path(path).empty(); });
  if (top) return;
  for (const auto& path : paths) {
    const std::string inside = archive_path(path);
    command.push_back(inside.size() > 2 && inside[2] == ':' ? "pp:" + inside : inside);
  }
}

// Parses "4" from "4.1b2"; false if there is no digit.
bool take_number(std::string_view& text, int& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string to_string(const BorgVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

Expected<BorgVersion> parse_borg_version(std::string_view text) {
  auto begin = text.find("borg ");
  std::string_view rest = begin == std::string_view::npos ? std::string_view{} : text.substr(begin + 5);
  BorgVersion version;
  bool good = take_number(rest, version.major) && rest.starts_with('.');
  if (good) rest.remove_prefix(1);
  good = good && take_number(rest, version.minor);
  if (good && rest.starts_with('.')) {
    rest.remove_prefix(1);
    take_number(rest, version.patch);
  }
  if (!good) return fail(ErrorCode::failed, fmt::format("\"{}\" is not a version of borg", text));
  if (version >= BorgVersion{2, 0, 0}) {
    return fail(ErrorCode::failed,
                fmt::format("borg {} is not supported: install borg 1.2 or 1.4", to_string(version)));
  }
  if (version < BorgVersion{1, 2, 0}) {
    return fail(ErrorCode::failed,
                fmt::format("borg {} is too old: install borg 1.2 or 1.4", to_string(version)));
  }
  return version;
}

std::string relay_url(std::string_view path) {
  return fmt::format("ssh://cyborg{}{}", path.starts_with('/') ? "" : "/./", path);
}

std::vector<std::string> borg_create(const JobSpec& spec, const std::string& repository) {
  auto command = global_options();
  // No braces in the comment: borg would take them for placeholders.
  append(command, {"create", "--json", "--comment", fmt::format("cyborg job={}", spec.job)});
  if (!spec.compression.empty()) append(command, {"--compression", spec.compression});
  if (spec.one_file_system) append(command, {"--one-file-system"});
  if (spec.upload_limit > 0) append(command, {"--upload-ratelimit", std::to_string(spec.upload_limit)});
  if (spec.exclude_caches) append(command, {"--exclude-caches"});
  for (const auto& name : spec.exclude_if_present) append(command, {"--exclude-if-present", name});
  // The first matching rule decides.
  for (const auto& rule : spec.patterns) append(command, {"--pattern", rule});
  for (const auto& pattern : spec.exclude) append(command, {"--exclude", pattern});
  // Dumps are read from FIFOs. A checkpoint would be an archive with a partial dump.
  if (spec.dump) append(command, {"--read-special", "--checkpoint-interval", "0"});
  append(command, {"--", repository + "::" + spec.archive});
  return command;  // the roots follow
}

std::vector<std::string> borg_extract(const JobSpec& spec, const std::string& repository,
                                      const std::string& exclude_file) {
  auto command = global_options();
  // A restore must be able to run during a backup to the same repository: only committed archives are read.
  append(command, {"--bypass-lock", "extract", "--sparse"});
  if (!exclude_file.empty()) append(command, {"--exclude-from", exclude_file});
  append(command, {"--", repository + "::" + spec.archive});
  append_paths(command, spec.restore.paths);
  return command;
}

std::vector<std::string> borg_extract_file(const JobSpec& spec, const std::string& repository,
                                           const std::string& path) {
  auto command = global_options();
  append(command, {"--bypass-lock", "extract", "--stdout", "--", repository + "::" + spec.archive});
  append_paths(command, {path});
  return command;
}

std::vector<std::string> borg_export_tar(const JobSpec& spec, const std::string& repository) {
  auto command = global_options();
  append(command, {"--bypass-lock", "export-tar", "--", repository + "::" + spec.archive, "-"});
  append_paths(command, spec.restore.paths);
  return command;
}

std::vector<std::string> borg_init(const JobSpec& spec, const std::string& repository) {
  auto command = global_options();
  // Append-only is imposed on clients only (see borg_serve). In the repository's own configuration, it would
  // apply to the server, too, and a compaction would free nothing.
  append(command, {"init", "--make-parent-dirs", "--encryption", spec.encryption});
  append(command, {"--", repository});
  return command;
}

std::vector<std::string> borg_info(const std::string& repository) {
  auto command = global_options();
  append(command, {"info", "--json", "--", repository});
  return command;
}

std::vector<std::string> borg_change_passphrase(const std::string& repository) {
  auto command = global_options();
  append(command, {"key", "change-passphrase", "--", repository});
  return command;
}

std::vector<std::string> borg_list(const std::string& repository) {
  auto command = global_options();
  append(command, {"list", "--json", "--", repository});
  return command;
}

std::vector<std::string> borg_archive_info(const std::string& repository, const std::string& archive) {
  auto command = global_options();
  append(command, {"info", "--json", "--", repository + "::" + archive});
  return command;
}

std::vector<std::string> borg_list_newest(const std::string& repository) {
  auto command = global_options();
  append(command, {"list", "--json", "--last", "1", "--", repository});
  return command;
}

std::vector<std::string> borg_delete(const std::string& repository,
                                     const std::vector<std::string>& archives) {
  auto command = global_options();
  append(command, {"delete", "--list", "--", repository});
  command.insert(command.end(), archives.begin(), archives.end());
  return command;
}

std::vector<std::string> borg_compact(const std::string& repository) {
  auto command = global_options();
  append(command, {"--info", "compact", "--", repository});  // only with --info does borg say how much
  return command;
}

std::vector<std::string> borg_check(const JobSpec& spec, const std::string& repository) {
  auto command = global_options();
  append(command, {"--info", "check"});
  if (spec.max_duration > 0) {
    // borg can interrupt and resume only this part of a check.
    append(command, {"--repository-only", "--max-duration", std::to_string(spec.max_duration)});
  } else if (spec.verify_data) {
    append(command, {"--verify-data"});
  }
  append(command, {"--", repository});
  return command;
}

std::vector<std::string> borg_list_files(const JobSpec& spec, const std::string& repository) {
  auto command = global_options();
  append(command, {"--bypass-lock", "list", "--format", kListingFormat, "--"});
  command.push_back(repository + "::" + spec.archive);
  return command;
}

std::vector<std::string> borg_extract_contents(const JobSpec& spec, const std::string& repository,
                                               const std::vector<std::string>& paths) {
  auto command = global_options();
  append(command, {"--bypass-lock", "extract", "--stdout", "--", repository + "::" + spec.archive});
  // With a prefix, since a name may look like a pattern; but not "pf:", for which borg 1.2 always complains
  // that it never matched.
  for (const auto& path : paths) command.push_back("pp:" + path);
  return command;
}

std::vector<std::string> borg_serve(const JobSpec& spec) {
  std::vector<std::string> command{"borg", "serve", "--umask=077", "--restrict-to-repository",
                                   spec.repository_path};
  if (spec.append_only) command.push_back("--append-only");
  // The freed space, and the progress of a check, are reported by the side that has the files, and only with
  // --info.
  if (spec.kind == JobKind::compact || spec.kind == JobKind::check)
    command.insert(command.begin() + 1, "--info");
  return command;
}

Environment borg_environment(const std::string& base_dir, const std::string& rsh, const JobSpec& spec) {
  Environment environment{
      {"TZ", "UTC"},  // borg prints local times without a zone
      {"LC_ALL", "C.UTF-8"},
      {"BORG_EXIT_CODES", "modern"},
      {"BORG_DISPLAY_PASSPHRASE", "no"},
      // We pin the repository's id, and verify it before borg writes to it.
      {"BORG_RELOCATED_REPO_ACCESS_IS_OK", "yes"},
      {"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes"},
  };
  if (!spec.files_cache_suffix.empty()) {
    environment.emplace_back("BORG_FILES_CACHE_SUFFIX", spec.files_cache_suffix);
  }
  if (!base_dir.empty()) environment.emplace_back("BORG_BASE_DIR", base_dir);
  if (!spec.server.empty()) {
    // borg removes a lock whose owner is dead on the same host, which it identifies by its network card: a
    // job has none, and a container's changes. We know better which processes these are.
    const bool here = spec.local || !base_dir.empty();
    environment.emplace_back("BORG_HOST_ID",
                             here ? spec.server : fmt::format("{}.{}", spec.client, spec.server));
  }
  if (!rsh.empty()) environment.emplace_back("BORG_RSH", rsh);
  return environment;
}

std::string archive_path(std::string_view path) {
  std::string inside;
  while (!path.empty()) {
    auto slash = path.find('/');
    auto part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (!inside.empty()) inside += '/';
    inside += part;
  }
  return inside;
}

}  // namespace cyborg
