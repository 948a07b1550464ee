// Locks that a borg on this machine left when it lost its power. borg removes those of processes that are
// gone; but today another process may have the number, or the machine another hardware address, which is a
// part of the name that a borg gives it. Then the lock would stay for ever.
#pragma once

#include <string>
#include <string_view>

#include "job/job.h"

namespace cyborg {

// Of the caches for the job's borg repository, and of the repository itself if it is a path: what is older
// than this machine's start. Says so in the job's output. On clients, their scripts do the same: see
// job_script.cc.
void remove_stale_locks(JobContext& job);

// What a job says of one.
std::string stale_lock_removed(std::string_view lock);

}  // namespace cyborg
