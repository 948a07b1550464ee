// SPDX-License-Identifier: GPL-3.0-or-later
// Our knowledge about borg: its versions, command lines and environment. See log.h for its output, and
// result.h for the meaning of its exit status.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "core/environment.h"
#include "core/error.h"
#include "core/job_spec.h"

namespace cyborg {

struct BorgVersion {
  int major = 0;
  int minor = 0;
  int patch = 0;
  auto operator<=>(const BorgVersion&) const = default;
};

std::string to_string(const BorgVersion& version);

// Parses the output of `borg --version` ("borg 1.2.4"). An unsupported version is an error that says so.
Expected<BorgVersion> parse_borg_version(std::string_view text);

// borg >= 1.4 has an exit code for each kind of error and warning; 1.2 has only 0, 1 and 2.
constexpr bool has_modern_exit_codes(const BorgVersion& version) {
  return version >= BorgVersion{1, 4, 0};
}

// The name under which a relayed borg knows each repository. It never changes, whatever route the data takes,
// so borg never believes that a repository was moved.
std::string relay_url(std::string_view path);

// Global options precede the verb; `repository` is a path or a relay_url().
std::vector<std::string> borg_create(const JobSpec& spec, const std::string& repository);
std::vector<std::string> borg_extract(const JobSpec& spec, const std::string& repository,
                                      const std::string& exclude_file = {});
// To standard output: the content of one file, by its path inside the archive, or a tar stream of
// spec.restore.paths.
std::vector<std::string> borg_extract_file(const JobSpec& spec, const std::string& repository,
                                           const std::string& path);
std::vector<std::string> borg_export_tar(const JobSpec& spec, const std::string& repository);
std::vector<std::string> borg_init(const JobSpec& spec, const std::string& repository);
std::vector<std::string> borg_info(const std::string& repository);
std::vector<std::string> borg_change_passphrase(const std::string& repository);
std::vector<std::string> borg_list(const std::string& repository);  // lists archives
std::vector<std::string> borg_archive_info(const std::string& repository, const std::string& archive);
std::vector<std::string> borg_list_newest(const std::string& repository);
std::vector<std::string> borg_delete(const std::string& repository, const std::vector<std::string>& archives);
std::vector<std::string> borg_compact(const std::string& repository);
std::vector<std::string> borg_check(const JobSpec& spec, const std::string& repository);
std::vector<std::string> borg_list_files(const JobSpec& spec, const std::string& repository);
// Writes the contents of these files, one after the other in the order of the archive.
std::vector<std::string> borg_extract_contents(const JobSpec& spec, const std::string& repository,
                                               const std::vector<std::string>& paths);
std::vector<std::string> borg_serve(const JobSpec& spec);

// The environment of every borg. `rsh` is empty if the repository is a local path; `base_dir` is empty if it
// is set elsewhere.
Environment borg_environment(const std::string& base_dir, const std::string& rsh, const JobSpec& spec);

// Normalises a path inside an archive: removes leading slashes and "." parts, as borg does.
std::string archive_path(std::string_view path);

}  // namespace cyborg
