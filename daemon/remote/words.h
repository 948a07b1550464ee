// SPDX-License-Identifier: GPL-3.0-or-later
// The words by which scripts speak to cyborg-job: a line on standard error, "@cyborg WORD" or "@cyborg WORD
// DETAIL".
//
// A note tells of something while the script goes on; a failure tells why it gave up, after which it ends
// with kScriptFailed. Who reads them: BorgReader (job/borg/borg_reader.cc) each note, check_script()
// (job/borg/script_failure.cc) each failure, both by a switch that the compiler checks.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cyborg {

inline constexpr std::string_view kScriptMark = "@cyborg ";
inline constexpr int kScriptFailed = 99;

enum class ScriptNote {
  started,
  installing,
  lock_removed,
  root_link,
  ssh_said,
  snapshot,
  snapshot_none,
  snapshot_swept,
  snapshot_left,
  dumping,
  dump_said,
  dump_warning,
};

enum class ScriptFailure {
  shell_unsupported,
  no_directory,
  no_memory_directory,
  no_borg,
  borg_broken,
  no_tool,
  no_package_manager,
  install_failed,
  source_missing,
  snapshot_failed,
  snapshot_full,
  snapshot_unproven,
  dump_list_failed,
  dump_failed,
  database_exists,
  load_failed,
  guest_exists,
  guest_failed,
  rename_failed,
  no_ssh,
  no_client_key,
  no_key,
  cannot_authorize,
  key_taken,
  repository_swapped,
};

template <typename Word>
struct WordRow {
  Word word;
  std::string_view name;
  std::string_view said_by;  // files in remote/, without .sh, or of the C++ that composes a line
  std::string_view meaning;  // and the meaning of the detail
};
std::span<const WordRow<ScriptNote>> script_notes();
std::span<const WordRow<ScriptFailure>> script_failures();

const char* to_string(ScriptNote note);
const char* to_string(ScriptFailure failure);

// A line without its mark.
template <typename Word>
struct Said {
  Word word;
  std::string detail;
};
std::optional<Said<ScriptNote>> read_note(std::string_view line);
std::optional<Said<ScriptFailure>> read_failure(std::string_view line);

}  // namespace cyborg
