// The scripts of a restore of files: the one that runs borg extract, and those that look at what is there and
// make way. Names come with a NUL behind each, so that any name is one.
#pragma once

#include <string>

#include "core/job_spec.h"

namespace cyborg {

// As backup_script(). With `exclude`, upload_script() has run before.
std::string restore_script(const JobSpec& spec, const std::string& relay, bool exclude);

// Reads look_entry()s, and prints those that are there: "d" and the name for a directory that may stay one,
// "-" and the name for what is in the way; "D" and "+" if only a pattern matched.
std::string look_script(const std::string& directory);

// Anything in a directory? Then its first name is printed.
std::string content_script(const std::string& directory);
// Reads look_entry()s of directories, and prints those that are symbolic links of anybody but root.
std::string links_script(const std::string& directory);
// Makes the others, where they are missing.
std::string make_parents_script(const std::string& directory);

// Gives what is in the way another name: rename_suffix() behind its own. Reads names as look_script() has
// them.
std::string rename_script(const JobSpec& spec);
std::string rename_suffix(const JobSpec& spec);

// Reads what restore_script() excludes: exclude_line()s. On the server itself they are in this file of
// `directory` then.
std::string upload_script(const JobSpec& spec);
std::string local_exclude_file(const JobSpec& spec, const std::string& directory);

}  // namespace cyborg
