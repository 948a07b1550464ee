// SPDX-License-Identifier: GPL-3.0-or-later
// database_server.h's reading of dumps that need no server: the script that restores them has a verb for it.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "core/policy_types.h"
#include "job/database/database_server.h"
#include "remote/load_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

class ScriptedServer final : public DatabaseServer {
 public:
  ScriptedServer(JobContext& job, PolicyType type, const std::string& place)
      : DatabaseServer(job, place), type_(type) {}

  std::string name() const override { return policy_type_row(type_).dump->databases->loader; }
  std::string refusal(std::string_view) const override { return {}; }
  std::string excuse(std::string_view) const override { return {}; }

  // Such a type has none.
  ToolEnd load_globals(const std::string&) override { return {}; }

  ToolEnd load_database(const DumpFile&, const std::string& file, std::string_view) override {
    ToolEnd end = run({"/bin/sh", "-c", verify_script(type_), "load", "verify", file});
    counted_ = end.output;
    return end;
  }

  // "TABLES ROWS"
  LoadedCount count(const DumpFile&) override {
    LoadedCount counted;
    const char* end = counted_.data() + counted_.size();
    const auto tables = std::from_chars(counted_.data(), end, counted.tables);
    if (tables.ec != std::errc{} || tables.ptr == end ||
        std::from_chars(tables.ptr + 1, end, counted.rows).ec != std::errc{}) {
      throw Failure(ResultCode::database_server, "the rows of a database could not be counted",
                    JobState::failed);
    }
    return counted;
  }

 private:
  PolicyType type_;
  std::string counted_;
};

}  // namespace

std::unique_ptr<DatabaseServer> make_scripted(JobContext& job, PolicyType type,
                                              const std::string& directory) {
  return std::make_unique<ScriptedServer>(job, type, directory);
}

std::string missing_tool(const DatabaseDumps& dumps) {
  for (const char* directory : {"/usr/bin/", "/usr/sbin/"}) {
    if (::access((directory + std::string{dumps.tool}).c_str(), X_OK) == 0) return {};
  }
  return fmt::format("there is no {0} on this server: install {0}", dumps.tool);
}

}  // namespace cyborg
