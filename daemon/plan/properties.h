// SPDX-License-Identifier: GPL-3.0-or-later
// Converts properties from D-Bus or a file to checked objects. The base is the existing object (or a new one
// with its name); the result is a copy with the given fields set, or the first error.
#pragma once

#include "core/error.h"
#include "core/model.h"

namespace cyborg {

Expected<Schedule> apply_schedule(Schedule base, const Json::Value& properties);
Expected<Repository> apply_repository(Repository base, const Json::Value& properties, bool create);
Expected<Client> apply_client(Client base, const Json::Value& properties, bool create);
// Checks only the fields; the manager checks that the named objects exist.
Expected<Policy> apply_policy(Policy base, const Json::Value& properties);

}  // namespace cyborg
