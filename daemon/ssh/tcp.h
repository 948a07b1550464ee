// SPDX-License-Identifier: GPL-3.0-or-later
// A TCP connection that notices a dead peer within a minute.
#pragma once

#include <chrono>
#include <string>

#include "core/fd.h"

namespace cyborg::ssh {

inline constexpr std::chrono::seconds kConnectTimeout{15};
inline constexpr std::chrono::seconds kKeepaliveInterval{15};
// After that much silence the peer is considered dead. Together with the interval, this is noticed after a
// minute at most.
inline constexpr std::chrono::seconds kDeadAfter{45};

// Tries all addresses of the host. Throws Failure: unknown-host, connection-refused, connection-timeout.
Fd connect_tcp(const std::string& host, int port);

}  // namespace cyborg::ssh
