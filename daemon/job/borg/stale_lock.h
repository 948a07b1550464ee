// SPDX-License-Identifier: GPL-3.0-or-later
// Locks that a borg on this machine left at a power loss. borg itself removes locks of dead processes; but by
// now, another process may have the same id, or the machine another hardware address, which is part of the
// lock's name. Then the lock would stay for ever.
#pragma once

#include <string>
#include <string_view>

#include "job/job.h"

namespace cyborg {

// Removes locks older than this machine's boot from the caches for the job's borg repository, and from the
// repository itself if it is a path. Reports it in the job's output. On clients, the scripts do the same: see
// job_script.cc.
void remove_stale_locks(JobContext& job);

// The message about a removed lock.
std::string stale_lock_removed(std::string_view lock);

}  // namespace cyborg
