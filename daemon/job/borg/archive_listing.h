// SPDX-License-Identifier: GPL-3.0-or-later
// Lists the job's archive, with a borg on the server.
#pragma once

#include <functional>

#include "borg/archive_items.h"
#include "job/job.h"

namespace cyborg {

// Throws Failure unless the whole archive was listed.
void list_archive(JobContext& job, const std::function<void(ArchiveItem&)>& take);

// Throws the Failure that a path is not in the archive, with the nearest paths.
[[noreturn]] void throw_missing(JobContext& job, const Selection& selection);

// The cache directory for restores on the server: separate from others, whose borgs lock theirs.
std::string restore_borg_directory();

}  // namespace cyborg
