// From properties, as D-Bus or a file gives them, to checked objects. The base is what exists (or a fresh
// object with its name); the answer is a copy with the given fields set, or the first thing that is wrong.
#pragma once

#include "core/error.h"
#include "core/model.h"

namespace cyborg {

Expected<Schedule> apply_schedule(Schedule base, const Json::Value& properties);
Expected<Repository> apply_repository(Repository base, const Json::Value& properties, bool create);
Expected<Client> apply_client(Client base, const Json::Value& properties, bool create);
// Checks the fields alone; that the named objects exist is the manager's to see.
Expected<Policy> apply_policy(Policy base, const Json::Value& properties);

}  // namespace cyborg
