// SPDX-License-Identifier: GPL-3.0-or-later
// The state of the fleet in Prometheus' text exposition format. Pure.
#pragma once

#include <json/value.h>

#include <string>

namespace cyborg::client {

// Labels are the names of policies, clients and repositories, and fixed words: never an archive, a job or a
// message.
std::string metrics_text(const Json::Value& status);

}  // namespace cyborg::client
