// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/dump_script.h"

#include <fmt/format.h>

#include <algorithm>

#include "borg/command.h"
#include "core/policy_types.h"
#include "core/quote.h"
#include "remote/dump_tools.h"
#include "remote/job_script.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
namespace {

// All parts that a row names exist.
constexpr bool has_scripts(std::span<const char* const> names) {
  return std::ranges::all_of(names, [](const char* name) { return scripts::exists(name); });
}
static_assert(std::ranges::all_of(kPolicyTypes, [](PolicyType type) {
  const DumpSource* dump = policy_type_row(type).dump;
  return !dump || (!dump->scripts.empty() && has_scripts(dump->scripts) &&
                   (!dump->databases || has_scripts(dump->databases->scripts)) &&
                   (!dump->guests || has_scripts(dump->guests->scripts)));
}));

std::string tool(const DumpSpec& dump) {
  return scripts::tool + script_values(dump) + script_parts(dump.source().scripts);
}

std::string escaped(const std::string& text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

std::string script_secret(const DumpSpec& dump) {
  const SecretForm* secret = dump.source().secret;
  return assign("FORM", secret ? secret->file : "%s\\n") + scripts::secret;
}

std::string script_watchers() {
  return scripts::watchers;
}

std::string tool_start() {
  return scripts::tool;
}

std::string script_values(const DumpSpec& dump) {
  std::string text;
  for (const auto& variable : dump.row().variables) {
    if (variable.shell) text += assign(variable.shell, dump.list(variable.name));
  }
  return text;
}

std::string script_parts(std::span<const char* const> names) {
  std::string text;
  for (const char* name : names) text += scripts::text(name);
  return text;
}

std::string dump_script(const JobSpec& spec, const std::string& relay) {
  const auto borg = borg_create(spec, script_repository(spec, relay));
  // There, both lines come from the descriptor from which borg alone would read its passphrase.
  const char* input = spec.local ? "exec 0<&3 3<&-\n" : "";
  return input + script_start(spec, relay, "") + assign("TOOL", tool(spec.dump)) +
         assign("HOLDS", spec.dump.source().holds ? "yes" : "") +
         assign("LIKE", spec.dump.databases() && spec.dump.databases()->paths ? "yes" : "") +
         script_secret(spec.dump) + scripts::dump_functions + scripts::dump_hold +
         (spec.local ? "" : scripts::watchers) + "set -- " + quote(borg) + "\n" + scripts::dump_run;
}

std::string dump_secret(const JobSpec& spec, const std::string& password) {
  if (password.empty()) return {};
  const SecretForm* form = spec.dump.source().secret;
  return form ? form->before + escaped(password, form->escaped) + form->after : std::string{};
}

std::string dump_name(const JobSpec& spec, std::string_view name) {
  return dump_part_name(*spec.dump.type, name);
}

std::string dump_failure(const JobSpec& spec, const AnyCode& code, const std::string& name,
                         const std::string& said) {
  const std::string reason = said.empty() ? "the command gave no reason" : said;
  if (code == ResultCode::dump_list_failed) {
    return fmt::format("the {} of {} could not be listed: {}", spec.dump.source().things, spec.client,
                       reason);
  }
  return fmt::format("{} of {} could not be saved, so there is no archive: {}", dump_name(spec, name),
                     spec.client, reason);
}

}  // namespace cyborg
