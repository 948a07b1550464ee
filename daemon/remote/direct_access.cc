// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/direct_access.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "borg/result.h"

namespace cyborg {
namespace {

// OpenSSH's messages for giving up. The first that matches any line counts.
struct Word {
  std::string_view said;
  ResultCode code;
};
constexpr std::array kWords{
    Word{"IDENTIFICATION HAS CHANGED", ResultCode::host_key_mismatch},
    Word{"Host key verification failed", ResultCode::host_key_mismatch},
    Word{"no matching host key type", ResultCode::host_key_mismatch},
    Word{"you have requested strict checking", ResultCode::host_key_mismatch},
    Word{"Permission denied", ResultCode::authentication_failed},
    Word{"Too many authentication failures", ResultCode::authentication_failed},
    Word{"Could not resolve hostname", ResultCode::unknown_host},
    Word{"Connection refused", ResultCode::connection_refused},
    Word{"timed out", ResultCode::connection_timeout},
    Word{"No route to host", ResultCode::connection_failed},
    Word{"Network is unreachable", ResultCode::connection_failed},
    Word{"ssh: connect to host", ResultCode::connection_failed},
    Word{"kex_exchange_identification", ResultCode::connection_failed},
};

}  // namespace

JobResult direct_failure(const JobSpec& spec, const std::vector<std::string>& said, JobResult result) {
  if (result.state != JobState::failed || said.empty()) return result;
  for (const auto& word : kWords) {
    const auto line = std::ranges::find_if(
        said, [&](const std::string& text) { return text.find(word.said) != std::string::npos; });
    if (line == said.end()) continue;
    const SshTarget& host = spec.repository_host;
    const std::string name = fmt::format("{}@{}", host.user, host.address);
    result.code = word.code;
    // As when the server itself is refused.
    result.state = JobState::error;
    if (result.code == ResultCode::host_key_mismatch) {
      result.message = fmt::format(
          "{} shows client {} another host key than the server, {}; nothing was sent to it. If the machine "
          "was "
          "installed anew, set the new host key, and prepare repository {} again",
          name, spec.client, host.host_key, spec.repository);
    } else if (result.code == ResultCode::authentication_failed) {
      result.message =
          fmt::format("{} refuses the key of client {}: cyborgctl repository prepare {} --client {}", name,
                      spec.client, spec.repository, spec.client);
    } else {
      result.message = fmt::format(
          "client {} cannot reach the repository host {} port {} itself ({}): open the way, or let the "
          "server "
          "carry the data: cyborgctl repository set {} transport=relay",
          spec.client, host.address, host.port, *line, spec.repository);
    }
    return result;
  }
  // An established connection that broke.
  if (result.code == ResultCode::connection_lost)
    result.message += fmt::format("; ssh said: {}", said.back());
  return result;
}

}  // namespace cyborg
