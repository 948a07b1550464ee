// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/restore_script.h"

#include <fmt/format.h>

#include "borg/command.h"
#include "core/quote.h"
#include "remote/job_script.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
namespace {

std::string exclude_file(const JobSpec& spec) {
  return fmt::format("exclude-{}", spec.job);
}

}  // namespace

std::string restore_script(const JobSpec& spec, const std::string& relay, bool exclude) {
  const auto borg = borg_extract(spec, script_repository(spec, relay), exclude ? "/dev/fd/9" : "");
  std::string text = script_start(spec, relay, "/restore");
  if (exclude) {
    text += fmt::format(
        "excludes=\"$BORG_BASE_DIR/{}\"\nexec 9<\"$excludes\" || die no-directory \"$excludes\"\nrm "
        "\"$excludes\"\n",
        exclude_file(spec));
  }
  // The directory belongs to the machine's users: do not use our umask.
  return text +
         fmt::format("(umask 022; mkdir -p -- {0}) && cd -- {0} || die no-directory {0}\n",
                     quote(spec.restore.directory)) +
         "umask 022\nset -- " + quote(borg) + "\n" + script_run_borg();
}

std::string look_script(const std::string& directory) {
  return script_prelude() + fmt::format(
                                "cd -- {0} 2>/dev/null || {{ [ ! -e {0} ] || die no-directory {0}; "
                                "cat >/dev/null; exit 0; }}\nexec xargs -0 sh -c {1} sh\n",
                                quote(directory), quote(scripts::restore_look));
}

std::string links_script(const std::string& directory) {
  return script_prelude() + fmt::format("cd -- {0} || die no-directory {0}\nexec xargs -0 sh -c {1} sh\n",
                                        quote(directory), quote(scripts::restore_links));
}

std::string make_parents_script(const std::string& directory) {
  return script_prelude() +
         fmt::format("umask 022\ncd -- {0} || die no-directory {0}\nexec xargs -0 sh -c {1} sh\n",
                     quote(directory), quote(scripts::restore_parents));
}

std::string content_script(const std::string& directory) {
  return script_prelude() + fmt::format("ls -A -- {} 2>/dev/null | head -n 1\n", quote(directory));
}

std::string rename_suffix(const JobSpec& spec) {
  return fmt::format(".before-restore-{}", spec.job);
}

std::string rename_script(const JobSpec& spec) {
  return script_prelude() + fmt::format(
                                "cd -- {0} || die no-directory {0}\n"
                                "xargs -0 sh -c {1} sh {2} || die rename-failed\n",
                                quote(spec.restore.directory), quote(scripts::restore_rename),
                                quote(rename_suffix(spec)));
}

std::string local_exclude_file(const JobSpec& spec, const std::string& directory) {
  return directory + "/" + exclude_file(spec);
}

std::string upload_script(const JobSpec& spec) {
  return script_prelude() +
         fmt::format(
             "dir=\"${{CYBORG_CLIENT_DIR:-{}}}/restore\"\nmkdir -p \"$dir\" && cat >\"$dir/{}\" "
             "|| die no-directory \"$dir\"\n",
             kClientDirectory, exclude_file(spec));
}

}  // namespace cyborg
