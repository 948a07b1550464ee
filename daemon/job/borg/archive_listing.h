// What is in the job's archive, by a borg on the server.
#pragma once

#include <functional>

#include "borg/archive_items.h"
#include "job/job.h"

namespace cyborg {

// Throws Failure unless all of it was listed.
void list_archive(JobContext& job, const std::function<void(ArchiveItem&)>& take);

// The Failure that says that a path is not in the archive, and what is near it.
[[noreturn]] void throw_missing(JobContext& job, const Selection& selection);

// Where borgs of restores keep their caches on the server: apart from others, which lock theirs.
std::string restore_borg_directory();

}  // namespace cyborg
