// SPDX-License-Identifier: GPL-3.0-or-later
// The scripts of a file restore: the one that runs borg extract, and those that check existing files and move
// them out of the way. Names are terminated by NUL, so that any name is possible.
#pragma once

#include <string>

#include "core/job_spec.h"

namespace cyborg {

// Like backup_script(). With `exclude`, upload_script() has run before.
std::string restore_script(const JobSpec& spec, const std::string& relay, bool exclude);

// Reads look_entry()s, and prints existing ones: "d" and the name for a directory that may stay, "-" and the
// name for a conflicting file; "D" and "+" if only a pattern matched.
std::string look_script(const std::string& directory);

// Prints the first name in a directory, if there is any.
std::string content_script(const std::string& directory);
// Reads look_entry()s of directories, and prints those that are symbolic links not owned by root.
std::string links_script(const std::string& directory);
// Creates missing parent directories.
std::string make_parents_script(const std::string& directory);

// Renames conflicting files with the suffix rename_suffix(). Reads names in the format of look_script()'s
// output.
std::string rename_script(const JobSpec& spec);
std::string rename_suffix(const JobSpec& spec);

// Reads the exclude_line()s for restore_script(). On the server itself, they are in this file of
// `directory`.
std::string upload_script(const JobSpec& spec);
std::string local_exclude_file(const JobSpec& spec, const std::string& directory);

}  // namespace cyborg
