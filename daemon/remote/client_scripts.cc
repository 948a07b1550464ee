// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/client_scripts.h"

#include <fmt/format.h>

#include "core/hooks.h"
#include "remote/direct_access.h"
#include "remote/dump_script.h"
#include "remote/file_hashes.h"
#include "remote/guest_script.h"
#include "remote/hook_script.h"
#include "remote/job_script.h"
#include "remote/load_script.h"
#include "remote/restore_script.h"

namespace cyborg {
namespace {

constexpr std::size_t kMostText = 120 * 1024;
// In place of a key that the client has yet to make.
constexpr const char* kSomeKey =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKEY/OF/THE/CLIENT//////////////////////////";

// The word quoted by quote() that begins at `at`.
std::string unquoted(std::string_view text, std::size_t at) {
  constexpr std::string_view kQuote = "'\\''";
  std::string word;
  for (++at; at < text.size(); ++at) {
    if (text[at] != '\'') {
      word += text[at];
    } else if (text.substr(at).starts_with(kQuote)) {
      word += '\'';
      at += kQuote.size() - 1;
    } else {
      break;
    }
  }
  return word;
}

class Scripts {
 public:
  explicit Scripts(const JobSpec& spec) : spec_(spec) {}

  void on_client(const std::string& what, const std::string& text) {
    add(what + (spec_.local ? ", on the server itself" : ", on client " + spec_.client), text);
  }
  void on_host(const std::string& what, const std::string& text) {
    const SshTarget& host = spec_.repository_host;
    add(fmt::format("{}, on the repository host {}@{}", what, host.user, host.address), text);
  }
  void hooks(bool before) {
    const JobResult ended = make_result(ResultCode::ok, "MESSAGE");
    for (const auto& hook : spec_.hooks) {
      if ((hook.when == "before") != before) continue;
      const std::string title = fmt::format("hook {}: {}", hook.when, hook.command);
      const std::string text = hook_script(hook, hook_environment(spec_, before ? nullptr : &ended));
      if (hook.where == "client") on_client(title, text);
    }
  }
  std::vector<ClientScript> take() { return std::move(scripts_); }

 private:
  void add(const std::string& title, const std::string& text) {
    scripts_.push_back({title, text});
    for (const auto& [begin, what] :
         {std::pair{std::string_view{"\nTOOL="}, "the script in TOOL of the one above"},
          std::pair{std::string_view{"\nset -- 'PATH="}, "the script that the one above runs"}}) {
      const auto at = text.find(begin);
      if (at == std::string::npos) continue;
      add(what, unquoted(text, text.find('\'', at)));
      return;
    }
  }

  const JobSpec& spec_;
  std::vector<ClientScript> scripts_;
};

// The relay word is different each time; empty where borg reaches the repository itself.
std::string relay_of(const JobSpec& spec) {
  return spec.local || spec.direct.used ? "" : "RELAY";
}

void add_relay(Scripts& scripts, const JobSpec& spec) {
  if (const auto relay = relay_of(spec); !relay.empty()) {
    scripts.on_client("beside it, the other end of borg's connection", relay_script(relay));
  }
}

void of_preparation(Scripts& scripts, const JobSpec& spec) {
  if (!spec.ssh_public_key.empty()) {
    scripts.on_client("the server's key, put there with the password", authorize_script(spec.ssh_public_key));
  }
  scripts.on_client("what the machine is", facts_script(!spec.dry_run && !spec.local));
}

void of_repository(Scripts& scripts, const JobSpec& spec) {
  if (!spec.repository_host.address.empty()) {
    scripts.on_host("borg's version", probe_repository_script(spec.repository_path));
  }
  if (!spec.direct.used) return;
  const KeyGrant grant = key_grant(spec, spec.direct.key.empty() ? kSomeKey : spec.direct.key);
  if (!spec.dry_run) {
    scripts.on_client("the client's own key", client_key_script(spec));
    const auto line = authorized_line(grant);
    if (line && !spec.direct.manual) {
      scripts.on_host("the key is authorised", authorize_line_script(grant, *line, spec.direct.line));
    }
  }
  scripts.on_client("the whole way is tried", direct_check_script(spec));
}

void of_backup(Scripts& scripts, const JobSpec& spec) {
  const bool dumps = static_cast<bool>(spec.dump);
  // borg reads folders of the server itself without a script.
  if (spec.local && !dumps) return;
  const std::string relay = relay_of(spec);
  scripts.on_client("borg create", dumps ? dump_script(spec, relay) : backup_script(spec, relay));
  add_relay(scripts, spec);
}

void of_databases(Scripts& scripts, const JobSpec& spec) {
  std::vector<Load> loads;
  for (const auto& [name, target] : spec.restore.databases) {
    loads.push_back({name, target, static_cast<int>(loads.size())});
  }
  if (spec.restore.all_databases) loads.push_back({"DATABASE", "DATABASE", 0});
  if (spec.restore.globals && !spec.dry_run) loads.insert(loads.begin(), Load{});
  for (const auto& load : loads) {
    const std::string name = load_name(spec, load);
    if (!load.name.empty()) {
      scripts.on_client("what there is of " + name, database_look_script(spec, load));
    }
    if (spec.dry_run) continue;
    scripts.on_client("borg extract of " + name, load_script(spec, relay_of(spec), load));
    add_relay(scripts, spec);
  }
}

void of_files(Scripts& scripts, const JobSpec& spec) {
  const std::string& directory = spec.restore.directory;
  const bool keep = spec.restore.conflict == "keep";
  if (spec.dry_run || spec.restore.conflict != "overwrite") {
    scripts.on_client("which of the files are there already; their names come on its input",
                      look_script(directory));
  }
  if (spec.dry_run) return;
  scripts.on_client("is the folder empty?", content_script(directory));
  scripts.on_client("links that lead elsewhere", links_script(directory));
  scripts.on_client("folders that are missing", make_parents_script(directory));
  if (spec.restore.conflict == "rename") {
    scripts.on_client("what is in the way gets another name", rename_script(spec));
  }
  if (keep) scripts.on_client("what is not to be restored", upload_script(spec));
  if (spec.local) return;
  scripts.on_client("borg extract", restore_script(spec, relay_of(spec), keep));
  add_relay(scripts, spec);
}

void of_restore(Scripts& scripts, const JobSpec& spec) {
  // Output for the caller is read on the server.
  if (spec.restore.output) return;
  if (loads_databases(spec)) return of_databases(scripts, spec);
  if (spec.restore.guest.empty()) return of_files(scripts, spec);
  scripts.on_client("borg export-tar of " + guest_name(spec), guest_script(spec, relay_of(spec)));
  add_relay(scripts, spec);
}

void of_verification(Scripts& scripts, const JobSpec& spec) {
  if (spec.verify != "compare") return;
  std::vector<SampledFile> files;
  for (const auto& path : spec.canaries)
    files.push_back({path.substr(path.find_first_not_of('/')), "", 0, 0, true});
  files.push_back({"FILE", "", 0, 0, false});
  for (const auto& text : hash_scripts(files, kMostText, spec.local)) {
    scripts.on_client("how the files are there; FILE stands for those that are chosen", text);
  }
}

}  // namespace

std::vector<ClientScript> client_scripts(const JobSpec& spec) {
  Scripts scripts{spec};
  scripts.hooks(true);
  switch (spec.kind) {
    case JobKind::prepare_client:
      of_preparation(scripts, spec);
      break;
    case JobKind::prepare_repository:
      of_repository(scripts, spec);
      break;
    case JobKind::backup:
      of_backup(scripts, spec);
      break;
    case JobKind::restore:
      of_restore(scripts, spec);
      break;
    case JobKind::verify:
      of_verification(scripts, spec);
      break;
    case JobKind::withdraw:
      scripts.on_host("the key is taken away",
                      withdraw_line_script(key_grant(spec, spec.direct.key), spec.direct.line));
      break;
    case JobKind::catalog:
    case JobKind::prune:
    case JobKind::compact:
    case JobKind::check:
    case JobKind::list:
      break;  // only the server's borg
  }
  scripts.hooks(false);
  return scripts.take();
}

std::string printed(const std::vector<ClientScript>& scripts) {
  if (scripts.empty()) return "# this job runs no script on another machine\n";
  std::string text;
  for (const auto& script : scripts) {
    std::string title = script.title;
    for (char& c : title) c = c == '\n' ? ' ' : c;
    text += fmt::format("{}# {}\n{}", text.empty() ? "" : "\n", title, script.text);
  }
  return text;
}

}  // namespace cyborg
