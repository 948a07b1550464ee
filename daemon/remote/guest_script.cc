// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/guest_script.h"

#include <fmt/format.h>

#include "borg/archive_items.h"
#include "borg/command.h"
#include "core/quote.h"
#include "remote/dump_tools.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
namespace {

bool renamed(const JobSpec& spec) {
  return spec.restore.guest_name != spec.restore.guest;
}

std::string tool(const JobSpec& spec) {
  const auto flag = [](const char* name, bool value) { return assign(name, value ? "yes" : ""); };
  return tool_start() + assign("GUEST", spec.restore.guest_name) + flag("NEW", renamed(spec)) +
         flag("OVERWRITE", spec.restore.conflict == "overwrite") + flag("START", spec.restore.start) +
         assign("DIRECTORY", spec.restore.directory) + scripts::guest_tool +
         script_parts(spec.dump.guests()->scripts);
}

}  // namespace

std::string guest_script(const JobSpec& spec, const std::string& relay) {
  const auto borg = borg_export_tar(spec, script_repository(spec, relay));
  const char* input = spec.local ? "exec 0<&3 3<&-\n" : "";
  return input + script_start(spec, relay, "/restore") + assign("TOOL", tool(spec)) +
         assign("DRY", spec.dry_run ? "yes" : "") + script_secret(spec.dump) +
         (spec.local ? "" : script_watchers()) + "set -- " + quote(borg) + "\n" + scripts::guest_run;
}

std::string guest_name(const JobSpec& spec) {
  if (!renamed(spec)) return fmt::format("guest \"{}\"", spec.restore.guest);
  return fmt::format("guest \"{}\" as \"{}\"", spec.restore.guest, spec.restore.guest_name);
}

std::string guest_failure(const JobSpec& spec, const AnyCode& code, const std::string& reason) {
  std::string text = fmt::format("{} was not restored on {}: {}", guest_name(spec), spec.client,
                                 reason.empty() ? "the tools there gave no reason" : reason);
  if (code == ResultCode::guest_exists) {
    text += fmt::format(
        "; --conflict overwrite replaces what is there, and "
        "{}=NEWNAME restores beside it",
        spec.restore.guest);
  }
  return text;
}

}  // namespace cyborg
