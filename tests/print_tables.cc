// SPDX-License-Identifier: GPL-3.0-or-later
// Prints the tables of kinds, states and result codes as JSON, for static/tables_test.py.
#include <json/writer.h>

#include <cstdio>

#include "core/job_kind.h"
#include "core/job_state.h"
#include "core/result_code.h"

namespace cyborg {
namespace {

Json::Value states_of(const ResultCodeRow& row) {
  Json::Value states{Json::arrayValue};
  states.append(to_string(row.state));
  for (const auto& state : kJobStates) {
    if (row.traits.also.contains(state.state)) states.append(state.name);
  }
  return states;
}

Json::Value tables() {
  Json::Value tables{Json::objectValue};
  for (const auto& row : kJobKinds) {
    Json::Value& kind = tables["kinds"].append(Json::objectValue);
    kind["name"] = row.name;
    kind["about"] = row.about;
    kind["hooks"] = row.hooks != HookPlaces::none;
  }
  for (const auto& row : kJobStates) {
    Json::Value& state = tables["states"].append(Json::objectValue);
    state["name"] = row.name;
    state["about"] = row.about;
  }
  for (const auto& row : result_codes()) {
    Json::Value& code = tables["codes"].append(Json::objectValue);
    code["name"] = row.name;
    code["states"] = states_of(row);
    code["cause"] = row.cause;
    code["advice"] = row.advice;
    code["passes"] = row.traits.passes;
  }
  return tables;
}

}  // namespace
}  // namespace cyborg

int main() {
  std::puts(Json::writeString(Json::StreamWriterBuilder{}, cyborg::tables()).c_str());
  return 0;
}
