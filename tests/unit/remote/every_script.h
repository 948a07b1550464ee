// SPDX-License-Identifier: GPL-3.0-or-later
// Every script that cyborg-job can compose, for specifications that together cover each of its parts.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/hooks.h"
#include "core/policy_types.h"
#include "remote/direct_access.h"
#include "remote/dump_script.h"
#include "remote/file_hashes.h"
#include "remote/guest_script.h"
#include "remote/hook_script.h"
#include "remote/job_script.h"
#include "remote/load_script.h"
#include "remote/restore_script.h"

namespace cyborg::test {

inline JobSpec script_spec() {
  JobSpec spec;
  spec.server = "server";
  spec.job = 42;
  spec.policy = "etc";
  spec.client = "web";
  spec.repository = "vault";
  spec.repository_path = "/srv/it's";
  spec.archive = "etc-web-1";
  spec.roots = {"/etc", "/with 'quote' and\nbreak"};
  spec.exclude = {"$(touch /tmp/never)", "/var/tmp/", "pp:/it's"};
  spec.restore.directory = "/out $HOME";
  spec.files_cache_suffix = "etc";
  spec.compression = "lz4";
  return spec;
}

inline JobSpec dump_spec(PolicyType type, bool local = false) {
  JobSpec spec = script_spec();
  spec.roots.clear();
  spec.local = local;
  spec.dump.type = type;
  spec.dump.values = {{"databases", {"a'b", "shop"}},
                      {"user", {"us'er"}},
                      {"host", {"db"}},
                      {"port", {"5433"}},
                      {"command", {"echo 'it''s' \"$HOME\""}},
                      {"filename", {"file"}},
                      {"guests", {"100", "web"}},
                      {"quiesce", {"yes"}},
                      {"mode", {"snapshot"}}};
  return spec;
}

inline JobSpec direct_spec() {
  JobSpec spec = script_spec();
  spec.borg_id = std::string(64, 'a');
  spec.repository_host = {"vault.example", 2222, "borg", "SHA256:x", ""};
  spec.direct = {true, false, "ssh-ed25519 AAAA", "", ""};
  return spec;
}

// By a name that says what it is.
inline std::map<std::string, std::string> every_script() {
  std::map<std::string, std::string> all;
  const std::string relay = "0123456789abcdef";
  JobSpec spec = script_spec();
  all["backup by relay"] = backup_script(spec, relay);
  all["backup to a path"] = backup_script(spec, "");
  all["backup direct"] = backup_script(direct_spec(), "");
  all["relay"] = relay_script(relay);
  spec.any_root = true;
  spec.borg_id = std::string(64, 'a');
  all["backup of the roots that exist"] = backup_script(spec, relay);
  spec.snapshot = true;
  spec.snapshot_size = 20;
  all["backup from snapshots"] = backup_script(spec, relay);
  spec.one_file_system = true;
  spec.exclude.clear();
  all["backup of one file system from snapshots"] = backup_script(spec, "");
  for (const bool local : {false, true}) {
    const std::string where = local ? " here" : "";
    for (const PolicyType id : kPolicyTypes) {
      const PolicyTypeRow& row = policy_type_row(id);
      if (!row.dump) continue;
      const std::string type = row.name;
      all["dump " + type + where] = dump_script(dump_spec(id, local), local ? "" : relay);
      if (!row.dump->databases) continue;
      JobSpec load = dump_spec(id, local);
      load.restore.conflict = "overwrite";
      all["load " + type + where] = load_script(load, local ? "" : relay, {"shop", "shop-2", 1});
      all["load globals " + type + where] = load_script(load, local ? "" : relay, {"", "", 0});
      all["database look " + type + where] = database_look_script(load, {"shop", "shop", 0});
    }
    for (const PolicyType id : kPolicyTypes) {
      const PolicyTypeRow& row = policy_type_row(id);
      if (!row.dump || !row.dump->guests) continue;
      const std::string type = row.name;
      JobSpec guest = dump_spec(id, local);
      guest.restore.guest = "web";
      guest.restore.guest_name = "web-2";
      guest.restore.start = true;
      all["guest " + type + where] = guest_script(guest, local ? "" : relay);
    }
    const std::vector<SampledFile> files{{"etc/it's", "", 3, 1, false}, {"x", "", 3, 1, true}};
    all["hashes" + where] = hash_scripts(files, 100000, local).at(0);
  }
  spec = script_spec();
  all["restore"] = restore_script(spec, relay, false);
  all["restore with excludes"] = restore_script(spec, relay, true);
  all["look"] = look_script(spec.restore.directory);
  all["content"] = content_script(spec.restore.directory);
  all["links"] = links_script(spec.restore.directory);
  all["make parents"] = make_parents_script(spec.restore.directory);
  all["rename"] = rename_script(spec);
  all["upload"] = upload_script(spec);
  all["facts"] = facts_script(false);
  all["facts and installation"] = facts_script(true);
  all["authorize"] = authorize_script("ssh-ed25519 A it's");
  const KeyGrant grant{"web", "vault", "/srv/it's \"web\"", false, "ssh-ed25519 AAAA"};
  all["client key"] = client_key_script(direct_spec());
  all["authorize line"] = authorize_line_script(grant, "line", "old");
  all["withdraw line"] = withdraw_line_script(grant, "line");
  all["direct check"] = direct_check_script(direct_spec());
  Hook hook;
  hook.command = "echo 'it''s'";
  all["probe of a repository host"] = probe_repository_script("/srv/it's");
  all["hook"] = hook_script(hook, hook_environment(spec, nullptr));
  return all;
}

}  // namespace cyborg::test
