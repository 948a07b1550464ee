// The scripts of direct_access.h.
#include <fmt/format.h>

#include "borg/command.h"
#include "core/quote.h"
#include "remote/direct_access.h"
#include "remote/job_script.h"
#include "remote/script_parts.h"

namespace cyborg {
namespace {

// Where a client keeps its keys. Each client of a machine, and each repository, has its own.
std::string key_path(const JobSpec& spec) {
  return "K=\"${CYBORG_CLIENT_DIR:-" + std::string{kClientDirectory} + "}/keys/\"" +
         quote(spec.client + "@" + spec.repository) + "\n";
}

// The new file is complete before it gets its name.
constexpr const char* kMakeKey = R"sh(
say started
command -v ssh >/dev/null && command -v ssh-keygen >/dev/null || die no-ssh
mkdir -p "${K%/*}" || die no-directory "${K%/*}"
if ! [ -s "$K" ] || ! ssh-keygen -y -P '' -f "$K" </dev/null >/dev/null; then
  rm -f "$K.new" "$K.new.pub"
  ssh-keygen -q -t ed25519 -N '' -C "$C" -f "$K.new" </dev/null >&2 || die no-key "$K"
  rm -f "$K.new.pub"
  mv "$K.new" "$K" || die no-key "$K"
fi
k=$(ssh-keygen -y -P '' -f "$K" </dev/null) || die no-key "$K"
printf '%s\n' "$k" | cut -d ' ' -f 1,2
)sh";

// A text as sed takes it for exactly that.
std::string sed_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view{"\\/.[]*^$"}.find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// Rewrites the file without the lines that $S deletes (and $M prints), and with $L at its end. A lock on the
// directory keeps several such scripts apart. Whoever reads the file meanwhile gets the old or the new one.
// sed leaves the bytes of other lines alone, whatever they are.
constexpr const char* kRewrite = R"sh(
say started
cd && mkdir -p .ssh || die cannot-authorize "$HOME/.ssh cannot be made"
command -v flock >/dev/null || die cannot-authorize "it has no flock"
exec 9<.ssh
flock -w 60 9 || die cannot-authorize "another program holds a lock on $HOME/.ssh"
F=.ssh/authorized_keys
[ ! -L "$F" ] || F=$(readlink -f "$F") || die cannot-authorize "$F is a broken link"
[ -e "$F" ] || [ -n "$L" ] || exit 0
# It may be there as it has to be.
if [ -e "$F" ] && [ -n "$L" ] && [ "$(grep -cxF -e "$L" "$F")" = 1 ] && [ "$(sed -n "$M" "$F" | wc -l)" = 1 ] &&
  [ "$(grep -cF -e "$B" "$F")" = 1 ]; then exit 0; fi
T=$F.cyborg-$$
trap 'rm -f "$T"' EXIT
if [ -e "$F" ]; then cp -p "$F" "$T" && sed "$S" "$F" >"$T"; else : >"$T"; fi || die cannot-authorize "$T cannot be written"
if [ -n "$L" ]; then
  ! grep -qF -e "$B" "$T" || die key-taken
  [ -z "$(tail -c 1 "$T")" ] || echo >>"$T" || die cannot-authorize "$T cannot be written"
  printf '%s\n' "$L" >>"$T" || die cannot-authorize "$T cannot be written"
fi
cmp -s "$F" "$T" && exit 0
sync "$T" 2>/dev/null
mv "$T" "$F" || die cannot-authorize "$F cannot be written"
)sh";

std::string blob(const std::string& key) {
  return key.substr(key.find(' ') + 1);
}

std::string rewrite_script(const std::vector<std::string>& patterns, const std::string& line,
                           const std::string& key) {
  std::string removes, prints;
  for (const auto& pattern : patterns) {
    removes += fmt::format("/^{}$/d\n", pattern);
    prints += fmt::format("/^{}$/{{p;d;}}\n", pattern);
  }
  return kPrelude + std::string{"LC_ALL=C\n"} + "S=" + quote(removes) + "\nM=" + quote(prints) +
         "\nL=" + quote(line) + "\nB=" + quote(blob(key)) + "\n" + kRewrite;
}

std::string marker(const KeyGrant& grant) {
  return sed_pattern(fmt::format("cyborg:{}:{}", grant.client, grant.repository));
}

// Reads what a `borg serve` answers, up to the id of the repository, before borg gets any of it: see IdGuard.
// Its messages come one by one, since borg waits for each, so what one read gives can be passed on. To end
// all, the shell that waits for ssh has to go first: it holds borg's end open, and ssh waits for borg.
constexpr const char* kGuard = R"sh(
guard() {
  : >"$D/answer"
  while :; do
    dd bs=65536 count=1 >"$D/piece" 2>/dev/null
    [ -s "$D/piece" ] || exit 0
    cat "$D/piece" >>"$D/answer"
    h=" $(od -An -v -tx1 "$D/answer" | tr -s ' \n' '  ')"
    for begin in ' c4 20 ' ' d9 20 ' ' da 00 20 '; do
      case $h in *"$begin"*) ;; *) continue ;; esac
      i=$(printf '%s' "${h#*"$begin"}" | tr -d ' ' | cut -c 1-64)
      [ ${#i} = 64 ] || continue
      [ "$i" = "$ID" ] || { echo "$i" >"$D/swapped"; kill $$; exit 1; }
      cat "$D/piece"
      exec cat
    done
    cat "$D/piece"
  done
}
)sh";

}  // namespace

const char* const kDirectRsh = R"sh(sh -c '. "$CYBORG_DIRECT/rsh"' ssh)sh";

const char* const kTellSsh = R"sh(
if [ -s "$D/swapped" ]; then say repository-swapped "$(cat "$D/swapped")"; fi
if [ -s "$D/ssh" ]; then while IFS= read -r x; do say ssh-said "$x"; done <"$D/ssh"; fi
)sh";

std::string client_key_script(const JobSpec& spec) {
  return kPrelude + key_path(spec) + "C=" + quote(fmt::format("cyborg:{}:{}", spec.client, spec.repository)) +
         kMakeKey;
}

std::string authorize_line_script(const KeyGrant& grant, const std::string& line, const std::string& old) {
  std::vector<std::string> patterns{"command=\".*\",restrict ssh-ed25519 [A-Za-z0-9+\\/]* " + marker(grant)};
  if (!old.empty()) patterns.push_back(sed_pattern(old));
  return rewrite_script(patterns, line, grant.key);
}

std::string withdraw_line_script(const KeyGrant& grant, const std::string& line) {
  const std::string key =
      grant.key.empty() ? "ssh-ed25519 [A-Za-z0-9+\\/]*" : sed_pattern(grant.key);  // any, if it is not known
  std::vector<std::string> patterns{"command=\".*\",restrict " + key + " " + marker(grant)};
  if (!line.empty()) patterns.push_back(sed_pattern(line));
  return rewrite_script(patterns, "", grant.key);
}

std::string direct_check_script(const JobSpec& spec) {
  return script_start(spec, "", "") + "set -- " + quote(borg_list_newest(script_repository(spec, ""))) +
         "\n" + script_run_borg();
}

std::string direct_parts(const JobSpec& spec) {
  const SshTarget& host = spec.repository_host;
  const std::string known = fmt::format("cyborg {}", spec.direct.host_public_key);
  const bool guarded = !spec.borg_id.empty();
  // No configuration of the client's plays a part, and whatever would ask somebody fails.
  const std::string rsh =
      "D=$CYBORG_DIRECT\n" + (guarded ? "ID=" + quote(spec.borg_id) + kGuard : "") +
      "ssh -F /dev/null -E \"$D/ssh\" -i \"$CYBORG_KEY\" -oIdentitiesOnly=yes -oIdentityAgent=none"
      " -oBatchMode=yes -oPreferredAuthentications=publickey -oStrictHostKeyChecking=yes"
      " -oUserKnownHostsFile=\"\\\"$D/known_hosts\\\"\" -oGlobalKnownHostsFile=/dev/null"
      " -oUpdateHostKeys=no -oHostKeyAlias=cyborg -oCheckHostIP=no -oLogLevel=ERROR -oCompression=no"
      " -oClearAllForwardings=yes -oConnectTimeout=30 -oServerAliveInterval=10 -oServerAliveCountMax=9"
      " -oPort=" +
      std::to_string(host.port) + " -oUser=" + quote(host.user) + " -oHostname=" + quote(host.address) +
      " \"$@\"" + (guarded ? " | guard\n" : "\n");
  return key_path(spec) +
         "command -v ssh >/dev/null || die no-ssh\n"
         "[ -r \"$K\" ] || die no-client-key\n"
         "printf '%s\\n' " +
         quote(known) + " >\"$D/known_hosts\" && printf '%s' " + quote(rsh) +
         " >\"$D/rsh\" || die no-directory \"$D\"\n"
         "export CYBORG_DIRECT=\"$D\" CYBORG_KEY=\"$K\"\n";
}

}  // namespace cyborg
