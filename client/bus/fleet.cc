// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/bus/fleet.h"

#include "dbus/variant_json.h"

namespace cyborg::client {
namespace {

Json::Value properties(Connection& bus) {
  const auto found = bus.query<VariantMap>({names::kRootPath, "org.freedesktop.DBus.Properties"}, "GetAll",
                                           std::string(names::kManagerInterface));
  return with_snake_keys(to_json(found));
}

void add_rows(Connection& bus, Json::Value& status) {
  for (const auto& [key, method] :
       {std::pair("fleet", "GetFleetStatus"), std::pair("repositories", "GetRepositoryStatus")}) {
    Json::Value rows{Json::arrayValue};
    for (const auto& row : bus.query<std::vector<VariantMap>>(manager(), method))
      rows.append(with_snake_keys(to_json(row)));
    status[key] = std::move(rows);
  }
}

}  // namespace

Json::Value ask_fleet(Context& context) {
  auto status = properties(context.bus());
  add_rows(context.bus(), status);
  return status;
}

Json::Value watch_fleet(Context& context) {
  Json::Value status{Json::objectValue};
  try {
    context.bus().start_nothing();
    status = properties(context.bus());
  } catch (const Failure& failure) {
    if (failure.status == kRefused) throw;
    status["unreachable"] = failure.what();
    return status;
  }
  try {
    add_rows(context.bus(), status);
  } catch (const Failure& failure) {
    if (failure.status == kRefused) throw;
    // The database went away after cyborgd reported it as available.
    if (status["database_state"].asString() == "available") status["database_state"] = failure.what();
    for (const char* key : {"fleet", "repositories"}) status.removeMember(key);
  }
  return status;
}

}  // namespace cyborg::client
