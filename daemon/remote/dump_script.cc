#include "remote/dump_script.h"

#include <fmt/format.h>

#include "borg/command.h"
#include "core/quote.h"
#include "remote/dump_tools.h"
#include "remote/job_script.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
namespace {

std::string port(const DumpSpec& dump) {
  return dump.port > 0 ? std::to_string(dump.port) : std::string{};
}

std::string tool(const DumpSpec& dump) {
  if (dump.type == "piped") {
    return scripts::tool + assign("FILENAME", dump.filename) + assign("COMMAND", dump.command) +
           scripts::dump_piped;
  }
  if (dump.type == "vm") return scripts::tool + vm_tool(dump);
  if (dump.type == "proxmox") return scripts::tool + proxmox_tool(dump);
  return scripts::tool + assign("NAMES", dump.databases) + tool_access(dump) +
         (dump.type == "mysql" ? scripts::dump_mysql : scripts::dump_postgresql);
}

std::string escaped(const std::string& text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

bool holds(const DumpSpec& dump) {
  return dump.type == "vm";
}

const char* what_is_listed(const DumpSpec& dump) {
  return dump.type == "vm" || dump.type == "proxmox" ? "guests" : "databases";
}

std::string guest_part(std::string_view name) {
  const auto space = name.find(' ');
  const auto part = name.substr(0, space);
  const auto guest = space == std::string_view::npos ? std::string_view{} : name.substr(space + 1);
  if (part == "-") return fmt::format("the definition of guest \"{}\"", guest);
  if (part == "nvram") return fmt::format("the firmware's variables of guest \"{}\"", guest);
  return fmt::format("disk {} of guest \"{}\"", part, guest);
}

}  // namespace

std::string script_secret(const DumpSpec& dump) {
  return assign("FORM", dump.type == "mysql" ? "[client]\\n%s\\n" : "%s\\n") + scripts::secret;
}

std::string script_watchers() {
  return scripts::watchers;
}

std::string tool_start() {
  return scripts::tool;
}

std::string tool_access(const DumpSpec& dump) {
  if (dump.type == "mysql") {
    return assign("DBUSER", dump.user) + assign("DBHOST", dump.host) + assign("DBPORT", port(dump)) +
           scripts::access_mysql;
  }
  std::string text = assign("PGUSER", dump.user) + assign("PGHOST", dump.host) + "export PGUSER PGHOST\n";
  if (dump.port > 0) text += assign("PGPORT", port(dump)) + "export PGPORT\n";
  return text + scripts::access_postgresql;
}

std::string dump_script(const JobSpec& spec, const std::string& relay) {
  const auto borg = borg_create(spec, script_repository(spec, relay));
  // There, both lines come from the descriptor that a borg alone would read its passphrase from.
  const char* input = spec.local ? "exec 0<&3 3<&-\n" : "";
  return input + script_start(spec, relay, "") + assign("TOOL", tool(spec.dump)) +
         assign("HOLDS", holds(spec.dump) ? "yes" : "") + script_secret(spec.dump) + scripts::dump_functions +
         scripts::dump_hold + (spec.local ? "" : scripts::watchers) + "set -- " + quote(borg) + "\n" +
         scripts::dump_run;
}

std::string dump_secret(const JobSpec& spec, const std::string& password) {
  if (password.empty()) return {};
  if (spec.dump.type == "mysql") return "password=\"" + escaped(password, "\\\"") + "\"";
  return "*:*:*:*:" + escaped(password, "\\:");
}

std::string dump_name(const JobSpec& spec, std::string_view name) {
  if (spec.dump.type == "piped") return "the output of the command";
  if (spec.dump.type == "vm") return guest_part(name);
  if (spec.dump.type == "proxmox") return fmt::format("guest {}", name.substr(name.find(' ') + 1));
  if (name.empty()) return spec.dump.type == "mysql" ? "the grants" : "the roles";
  return fmt::format("database \"{}\"", name);
}

std::string dump_failure(const JobSpec& spec, const std::string& code, const std::string& name,
                         const std::string& said) {
  const std::string reason = said.empty() ? "the command gave no reason" : said;
  if (code == "dump-list-failed") {
    return fmt::format("the {} of {} could not be listed: {}", what_is_listed(spec.dump), spec.client,
                       reason);
  }
  return fmt::format("{} of {} could not be saved, so there is no archive: {}", dump_name(spec, name),
                     spec.client, reason);
}

}  // namespace cyborg
