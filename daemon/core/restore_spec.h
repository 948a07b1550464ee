// SPDX-License-Identifier: GPL-3.0-or-later
// The options of a restore, as rows: arguments of the Manager's Restore, the job's details, the input of
// cyborg-job, and cyborgctl's flags.
#pragma once

#include "core/property.h"
#include "core/property_checks.h"

namespace cyborg {

struct RestoreSpec {
  // For existing files: overwrite, keep, rename or fail. A caller may leave it unset.
  std::string conflict{};
  std::vector<std::string>
      paths{};  // inside the archive, as given by the user (leading / allowed); empty: all
  // Exactly one of: a guest, a directory (absolute; "/" for in place), output, and databases in any form.
  std::string directory{};
  bool output = false;  // to a descriptor: one file's content, or a tar stream
  bool tar = false;     // a tar stream in any case
  std::map<std::string, std::string>
      databases{};  // name in the archive → name on the server; empty: the same
  bool all_databases = false;
  bool globals = false;  // also roles, users and grants
  std::string guest{};   // into the hypervisor; directory is where its disks go, empty for where they were
  std::string guest_name{};  // empty: the same
  bool start = false;
  bool dry_run = false;  // only report what would be written

  bool of_guest() const { return !guest.empty(); }
  bool of_databases() const { return all_databases || globals || !databases.empty(); }
};

template <>
inline constexpr auto kProperties<RestoreSpec> = std::to_array<Property<RestoreSpec>>({
    {.key = "conflict",
     .member = &RestoreSpec::conflict,
     .sentence = "for existing files: overwrite, keep, rename or fail (default: overwrite for files, "
                 "fail for databases and guests)",
     .values = restore_conflicts},
    // An argument of the method.
    {.key = "paths", .member = &RestoreSpec::paths, .access = Access::internal},
    {.key = "directory",
     .member = &RestoreSpec::directory,
     .sentence = "with --guest: directory for its disks (default: their original location)"},
    // A descriptor for callers.
    {.key = "output", .member = &RestoreSpec::output, .access = Access::internal},
    {.key = "tar",
     .member = &RestoreSpec::tar,
     .sentence = "with --stdout: use a tar stream even for a single file"},
    {.key = "databases",
     .member = &RestoreSpec::databases,
     .sentence = "NAME or NAME=NEWNAME: load the dump of this database into the client's server",
     .option = ""},
    {.key = "all_databases",
     .member = &RestoreSpec::all_databases,
     .sentence = "all that are in the archive"},
    {.key = "globals", .member = &RestoreSpec::globals, .sentence = "also restore roles, users and grants"},
    {.key = "guest",
     .member = &RestoreSpec::guest,
     .sentence = "NAME or NAME=NEWNAME: restore this guest into the client's hypervisor",
     .option = ""},
    {.key = "guest_name",
     .member = &RestoreSpec::guest_name,
     .sentence = "another name for the guest",
     .option = ""},
    {.key = "start", .member = &RestoreSpec::start, .sentence = "with --guest: start it"},
    {.key = "dry_run", .member = &RestoreSpec::dry_run, .sentence = "only say what would be done"},
});

Json::Value to_json(const RestoreSpec& spec);  // all options
// The first key that is missing or has another type; nullptr if there is none.
const char* take_json(const Json::Value& json, RestoreSpec& spec);

}  // namespace cyborg
