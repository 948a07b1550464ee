// SPDX-License-Identifier: GPL-3.0-or-later
// Restores that write no files.
#pragma once

#include "job/job.h"

namespace cyborg {

// To descriptor 0, as the content of one file, or as a tar stream.
JobResult restore_output(JobContext& job);

// Into a server on the client.
JobResult restore_databases(JobContext& job);

// Into the hypervisor on the client.
JobResult restore_guest(JobContext& job);

}  // namespace cyborg
