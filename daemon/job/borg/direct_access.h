// Transport direct, as jobs see it: see remote/direct_access.h.
#pragma once

#include <string>

#include "job/job.h"

namespace cyborg {

// What the repository host showed at the first connection.
struct HostKeys {
  std::string fingerprint;  // SHA256:…
  std::string public_key;   // "ssh-ed25519 AAAA…"
};

// The rest of a preparation that succeeded so far: the client's own way. Facts of its key are in the result
// whatever its end.
JobResult prepare_direct(JobContext& job, const HostKeys& host, const JobResult& prepared);

}  // namespace cyborg
