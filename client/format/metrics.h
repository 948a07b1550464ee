// The state of the fleet as Prometheus reads it: its text exposition format. Pure.
#pragma once

#include <json/value.h>

#include <string>

namespace cyborg::client {

// Labels are the names of policies, clients and repositories, and words of ours: no archive, job or message.
std::string metrics_text(const Json::Value& status);

}  // namespace cyborg::client
