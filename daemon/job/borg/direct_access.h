// SPDX-License-Identifier: GPL-3.0-or-later
// Transport direct, as jobs see it: see remote/direct_access.h.
#pragma once

#include <string>

#include "job/job.h"

namespace cyborg {

// The keys that the repository host presented at the first connection.
struct HostKeys {
  std::string fingerprint;  // SHA256:…
  std::string public_key;   // "ssh-ed25519 AAAA…"
};

// The last part of a preparation that succeeded so far: the client's direct access. The result has the facts
// about the key in any case.
JobResult prepare_direct(JobContext& job, const HostKeys& host, const JobResult& prepared);

}  // namespace cyborg
