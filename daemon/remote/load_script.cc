// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/load_script.h"

#include <fmt/format.h>

#include "borg/archive_items.h"
#include "borg/command.h"
#include "core/policy_types.h"
#include "core/quote.h"
#include "remote/dump_script.h"
#include "remote/dump_tools.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
namespace {

// A tool's verbs: look, prepare (which ends with 3 when the database may not be touched), load, finish, undo,
// and globals; of a type that its script verifies, verify. $TARGET is the database, $ORIGINAL its name in
// the archive, $ASIDE a name that is only ours; $MODE and $OWNER are those that the archive has of a file.
// Files in $dir say how far it got: `made` that $TARGET is ours to remove, `other` that $ASIDE is there.

std::string tool(const JobSpec& spec, const Load& load) {
  return tool_start() + "case $verb in load | globals) trap 'echo $? >\"$dir/status\"' EXIT ;; esac\n" +
         assign("TARGET", load.target) + assign("ORIGINAL", load.name) +
         assign("ASIDE", fmt::format("cyborg-{}-{}", spec.job, load.number)) +
         assign("OVERWRITE", spec.restore.conflict == "overwrite" ? "1" : "") + "export OVERWRITE\n" +
         assign("MODE", load.mode) + assign("OWNER", load.owner) + script_values(spec.dump) +
         script_parts(spec.dump.databases()->scripts);
}

std::string begin(const JobSpec& spec, const std::string& relay, const Load& load) {
  // There, both lines come from the descriptor from which borg alone would read its passphrase.
  const char* input = spec.local ? "exec 0<&3 3<&-\n" : "";
  return input + script_start(spec, relay, "/restore") + "export dir\n" + assign("TOOL", tool(spec, load)) +
         script_secret(spec.dump) + scripts::load_functions + (spec.local ? "" : script_watchers());
}

}  // namespace

std::string load_script(const JobSpec& spec, const std::string& relay, const Load& load) {
  const auto borg =
      borg_extract_file(spec, script_repository(spec, relay), path_of_database(load.name, *spec.dump.type));
  // Roles and grants need no preparation: existing ones are checked when they are read.
  const bool globals = load.name.empty();
  return begin(spec, relay, load) + assign("PREPARE", globals ? "" : "prepare") +
         assign("LOAD", globals ? "globals" : "load") + "set -- " + quote(borg) + "\n" + scripts::load_run;
}

std::string verify_script(PolicyType type) {
  return tool_start() + script_parts(policy_type_row(type).dump->databases->scripts);
}

std::string database_look_script(const JobSpec& spec, const Load& load) {
  return begin(spec, "", load) + scripts::load_look;
}

std::string load_name(const JobSpec& spec, const Load& load) {
  if (load.name.empty()) return dump_name(spec, "");
  if (load.target == load.name) return fmt::format("database \"{}\"", load.name);
  return fmt::format("database \"{}\" as \"{}\"", load.name, load.target);
}

std::string load_failure(const JobSpec& spec, const Load& load, const AnyCode& code,
                         const std::string& said) {
  if (code == ResultCode::database_exists) {
    return fmt::format(
        "database \"{}\" is on {} and not empty, so it was not touched: --conflict overwrite "
        "replaces it, and {}=NEWNAME restores beside it",
        load.target, spec.client, load.name);
  }
  std::string text = fmt::format("{} could not be loaded on {}: {}", load_name(spec, load), spec.client,
                                 said.empty() ? "the server's tool gave no reason" : said);
  const bool role = said.find("role \"") != std::string::npos;
  if (role && said.find("does not exist") != std::string::npos)
    text += "; --globals restores the roles first";
  return text;
}

}  // namespace cyborg
