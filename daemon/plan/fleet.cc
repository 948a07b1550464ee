// SPDX-License-Identifier: GPL-3.0-or-later
// The configuration, looked up by name.
#include <fmt/format.h>

#include "plan/plan.h"

namespace cyborg {
namespace {

template <typename T>
Expected<const T*> find(const std::map<std::string, T>& objects, const std::string& name, ErrorCode missing,
                        std::string_view kind) {
  const auto found = objects.find(name);
  if (found == objects.end()) return fail(missing, fmt::format("no {} named \"{}\"", kind, name));
  return &found->second;
}

}  // namespace

Expected<const Schedule*> Fleet::find_schedule(const std::string& name) const {
  return find(schedules, name, ErrorCode::no_such_schedule, "schedule");
}
Expected<const Repository*> Fleet::find_repository(const std::string& name) const {
  return find(repositories, name, ErrorCode::no_such_repository, "repository");
}
Expected<const Client*> Fleet::find_client(const std::string& name) const {
  return find(clients, name, ErrorCode::no_such_client, "client");
}
Expected<const Policy*> Fleet::find_policy(const std::string& name) const {
  return find(policies, name, ErrorCode::no_such_policy, "policy");
}

}  // namespace cyborg
