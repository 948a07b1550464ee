#include "remote/restore_script.h"

#include <fmt/format.h>

#include "borg/command.h"
#include "core/quote.h"
#include "remote/job_script.h"
#include "remote/script_parts.h"

namespace cyborg {
namespace {

// For a shell of its own, so that it may change IFS. A pattern (g, G) expands to names that are there, if
// any.
constexpr const char* kLook = R"sh(
IFS=
there() { [ -e "$1" ] || [ -L "$1" ]; }
found() { # mark of a directory, of anything else, name
  there "$3" || return 0
  if [ "$1" ] && [ -d "$3" ] && [ ! -L "$3" ]; then printf '%s%s\0' "$1" "$3"; else printf '%s%s\0' "$2" "$3"; fi
}
for e; do
  p=${e#?}
  case $e in
    d*) found d - "$p" ;;
    G*) for x in $p; do found D + "$x"; done ;;
    g*) for x in $p; do found '' + "$x"; done ;;
    *) found '' - "$p" ;;
  esac
done
:
)sh";

// Links are root's own, or somebody else's, who could have a restore write anywhere.
constexpr const char* kLinks = R"sh(
IFS=
check() {
  [ -L "$1" ] || return 0
  [ "$(stat -c %u -- "$1")" = 0 ] || printf '%s\0' "$1"
}
for e; do
  p=${e#?}
  case $e in
    [Gg]*) for x in $p; do check "$x"; done ;;
    *) check "$p" ;;
  esac
done
:
)sh";

// As a system has them: those that the archive knows get their own modes from borg.
constexpr const char* kMakeParents = R"sh(
for e; do
  case $e in [Gg]*) ;; *) mkdir -p -- "${e#?}" 2>/dev/null ;; esac
done
:
)sh";

// A second name for the same file, which borg replaces by a new one: whatever happens, both are whole. 255
// makes xargs stop.
constexpr const char* kRename = R"sh(
s=$1
shift
for p; do
  { [ -e "$p" ] || [ -L "$p" ]; } || continue
  if [ -e "$p$s" ] || [ -L "$p$s" ]; then echo "$p$s exists" >&2; exit 255; fi
  if [ ! -L "$p" ] && [ -f "$p" ] && ln -- "$p" "$p$s" 2>/dev/null; then continue; fi
  mv -- "$p" "$p$s" || exit 255
done
:
)sh";

std::string exclude_file(const JobSpec& spec) {
  return fmt::format("exclude-{}", spec.job);
}

}  // namespace

std::string restore_script(const JobSpec& spec, const std::string& relay, bool exclude) {
  const auto borg = borg_extract(spec, script_repository(spec, relay), exclude ? "/dev/fd/9" : "");
  std::string text = script_start(spec, relay, "/restore");
  if (exclude) {
    text += fmt::format("X=\"$BORG_BASE_DIR/{}\"\nexec 9<\"$X\" || die no-directory \"$X\"\nrm \"$X\"\n",
                        exclude_file(spec));
  }
  // The directory belongs to the user of the machine: not with our umask.
  return text +
         fmt::format("(umask 022; mkdir -p -- {0}) && cd -- {0} || die no-directory {0}\n",
                     quote(spec.directory)) +
         "umask 022\nset -- " + quote(borg) + "\n" + script_run_borg();
}

std::string look_script(const std::string& directory) {
  return script_prelude() + fmt::format(
                                "cd -- {0} 2>/dev/null || {{ [ ! -e {0} ] || die no-directory {0}; "
                                "cat >/dev/null; exit 0; }}\nexec xargs -0 sh -c {1} sh\n",
                                quote(directory), quote(kLook));
}

std::string links_script(const std::string& directory) {
  return script_prelude() + fmt::format("cd -- {0} || die no-directory {0}\nexec xargs -0 sh -c {1} sh\n",
                                        quote(directory), quote(kLinks));
}

std::string make_parents_script(const std::string& directory) {
  return script_prelude() +
         fmt::format("umask 022\ncd -- {0} || die no-directory {0}\nexec xargs -0 sh -c {1} sh\n",
                     quote(directory), quote(kMakeParents));
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
                                quote(spec.directory), quote(kRename), quote(rename_suffix(spec)));
}

std::string local_exclude_file(const JobSpec& spec, const std::string& directory) {
  return directory + "/" + exclude_file(spec);
}

std::string upload_script(const JobSpec& spec) {
  return script_prelude() + fmt::format(
                                "D=\"${{CYBORG_CLIENT_DIR:-{}}}/restore\"\nmkdir -p \"$D\" && cat >\"$D/{}\" "
                                "|| die no-directory \"$D\"\n",
                                kClientDirectory, exclude_file(spec));
}

}  // namespace cyborg
