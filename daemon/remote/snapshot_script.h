// SPDX-License-Identifier: GPL-3.0-or-later
// Backups that read from snapshots of file systems: btrfs, LVM and ZFS.
//
// The script runs in a mount namespace of its own. There it makes the snapshots, puts them together with what
// is read as it is to a tree with the client's own paths, and starts borg in that. Nobody else sees a mount,
// and none is left, whatever is killed. The snapshots, cyborg-PID-WORD-NUMBER, are removed at any end of the
// script; those of one that was killed, by the next backup or preparation.
//
// Besides the words of job_script.h, the script says "snapshot KIND PATH" for each that it made,
// "snapshot-none" if nothing lies on what makes them, "snapshot-swept NAME" for what another script had left,
// "snapshot-left NAME: WORDS" for what could not be removed; and the failures snapshot-failed PATH: WORDS and
// snapshot-full NAME.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/job_spec.h"

namespace cyborg {

// The part of a backup's script that makes the snapshots. It takes the roots, all of which exist, as
// positional parameters, and sets N: the directory to start borg in, or empty.
std::string snapshot_part(const JobSpec& spec, const std::string& relay);
std::string snapshot_functions(const JobSpec& spec, const std::string& relay);  // its first part
// The part that checks them when borg has ended.
std::string snapshot_check();
// A pattern for a snapshot of a btrfs in its top directory.
std::string snapshot_pattern(const std::string& relay);
// The whole script, in a mount namespace.
std::string in_mount_namespace(const std::string& script);

// For a preparation: removes left-over snapshots.
std::string sweep_part();

struct SnapshotNote {
  int priority = 6;
  std::string text;
};
// Parses one of the lines above; nullopt for other lines, and for failures.
std::optional<SnapshotNote> read_snapshot_line(std::string_view line);

// The message for a script that failed with one of the codes above.
std::string snapshot_failure(const JobSpec& spec, const AnyCode& code, const std::string& detail);

}  // namespace cyborg
