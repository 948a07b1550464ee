// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/words.h"

#include <algorithm>
#include <array>

#include "core/enum_table.h"

namespace cyborg {
namespace {

using enum ScriptNote;
using Note = WordRow<ScriptNote>;
constexpr std::array kNotes{
    Note{started, "started", "job_script.cc hook_script.cc snapshot_namespace", "the script runs"},
    Note{installing, "installing", "install_borg", "borg is not there, and is being installed"},
    Note{lock_removed, "lock-removed", "job_script.cc", "a borg cache's lock, which its holder left: LOCK"},
    Note{root_link, "root-link", "roots", "a root is a symbolic link: NUMBER TARGET"},
    Note{ssh_said, "ssh-said", "tell_ssh", "a line of the client's own ssh"},
    Note{snapshot, "snapshot", "snapshot_make", "a snapshot is made: KIND PATH"},
    Note{snapshot_none, "snapshot-none", "snapshot_take", "nothing lies on what makes snapshots"},
    Note{snapshot_swept, "snapshot-swept", "snapshot_sweep", "another script had left it: NAME"},
    Note{snapshot_left, "snapshot-left", "snapshot_make snapshot_sweep",
         "it could not be removed: NAME: WORDS"},
    Note{dumping, "dumping", "dump_run", "a dump begins: NAME; empty: roles and grants"},
    Note{dump_said, "dump-said", "dump_functions load_functions guest_run", "a line that a tool printed"},
    Note{dump_warning, "dump-warning", "dump_functions dump_hold", "what makes a warning of a success"},
};

using enum ScriptFailure;
using Failed = WordRow<ScriptFailure>;
constexpr std::array kFailures{
    Failed{shell_unsupported, "shell-unsupported", "run_borg secret snapshot_make",
           "printf is a program: a passphrase would be in its arguments"},
    Failed{no_directory, "no-directory",
           "job_script.cc restore_script.cc direct_script.cc private_directory authorize client_key dump_run "
           "dump_hold "
           "load_functions guest_run snapshot_take",
           "it cannot be made or entered: PATH"},
    Failed{no_memory_directory, "no-memory-directory", "secret",
           "no file system in memory: PATH that was looked at"},
    Failed{no_borg, "no-borg", "job_script.cc facts", "borg is not installed"},
    Failed{borg_broken, "borg-broken", "facts", "borg is there and does not run: what it printed"},
    Failed{no_tool, "no-tool", "hashes", "a program is not installed: NAME"},
    Failed{no_package_manager, "no-package-manager", "install_borg", "none that is known"},
    Failed{install_failed, "install-failed", "install_borg", "the package manager failed"},
    Failed{source_missing, "source-missing", "job_script.cc roots", "a root is not there: NUMBER, or all"},
    Failed{snapshot_failed, "snapshot-failed", "snapshot_make snapshot_namespace", "PATH: WORDS"},
    Failed{snapshot_full, "snapshot-full", "snapshot_make snapshot_check",
           "what was read is worthless: NAME"},
    Failed{snapshot_unproven, "snapshot-unproven", "snapshot_check",
           "it is gone before it was looked at: NAME: WORDS"},
    Failed{dump_list_failed, "dump-list-failed", "dump_run", "the tool could not list"},
    Failed{dump_failed, "dump-failed", "dump_run", "NAME, as of dumping"},
    Failed{database_exists, "database-exists", "load_run", "it is there and not empty"},
    Failed{load_failed, "load-failed", "load_run load_look", "the tool failed"},
    Failed{guest_exists, "guest-exists", "guest_libvirt", "what is there would be overwritten: WORDS"},
    Failed{guest_failed, "guest-failed", "guest_libvirt guest_proxmox guest_run", "WORDS"},
    Failed{rename_failed, "rename-failed", "restore_script.cc", "what is in the way kept its name"},
    Failed{no_ssh, "no-ssh", "direct_script.cc client_key", "OpenSSH is not installed"},
    Failed{no_client_key, "no-client-key", "direct_script.cc", "the client has lost its key"},
    Failed{no_key, "no-key", "client_key", "the key could not be made or read: PATH"},
    Failed{cannot_authorize, "cannot-authorize", "authorized_keys",
           "authorized_keys cannot be written: WORDS"},
    Failed{key_taken, "key-taken", "authorized_keys", "the key is there for something else"},
    Failed{repository_swapped, "repository-swapped", "tell_ssh", "another repository answers: its ID"},
};

static_assert(is_complete<&Note::word>(kNotes));
static_assert(is_complete<&Failed::word>(kFailures));

template <typename Word, typename Table>
std::optional<Said<Word>> read(const Table& table, std::string_view line) {
  const auto space = std::min(line.find(' '), line.size());
  const auto row = std::ranges::find(table, line.substr(0, space), &WordRow<Word>::name);
  if (row == table.end()) return std::nullopt;
  return Said<Word>{row->word, std::string{line.substr(std::min(space + 1, line.size()))}};
}

}  // namespace

std::span<const WordRow<ScriptNote>> script_notes() {
  return kNotes;
}

std::span<const WordRow<ScriptFailure>> script_failures() {
  return kFailures;
}

const char* to_string(ScriptNote note) {
  return kNotes[static_cast<std::size_t>(note)].name.data();
}

const char* to_string(ScriptFailure failure) {
  return kFailures[static_cast<std::size_t>(failure)].name.data();
}

std::optional<Said<ScriptNote>> read_note(std::string_view line) {
  return read<ScriptNote>(kNotes, line);
}

std::optional<Said<ScriptFailure>> read_failure(std::string_view line) {
  return read<ScriptFailure>(kFailures, line);
}

}  // namespace cyborg
