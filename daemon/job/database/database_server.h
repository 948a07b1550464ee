// SPDX-License-Identifier: GPL-3.0-or-later
// Database servers that exist during a verification: in a directory of their own, reachable only through a
// socket in it, and in a sandbox (sandbox.h) together with the tools that load dumps. Dumps that need no
// server are read by a script in the same sandbox.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "job/borg/tool.h"
#include "job/child.h"
#include "job/database/dump_origin.h"

namespace cyborg {

// The numbers of tables and rows loaded.
struct LoadedCount {
  std::int64_t tables = 0;
  std::int64_t rows = 0;
};

class DatabaseServer {
 public:
  virtual ~DatabaseServer() = default;

  // Starts a server, and waits until it answers. Throws Failure.
  static std::unique_ptr<DatabaseServer> start(JobContext& job, PolicyType type,
                                               const std::string& directory);
  // The programs missing on this machine for such a server; empty if there are none.
  static std::string missing(PolicyType type);

  virtual std::string name() const = 0;  // "PostgreSQL 15"
  // The reason why a dump with this beginning cannot be loaded here; empty if it can.
  virtual std::string refusal(std::string_view head) const = 0;
  // The reason why loading may fail although the dump is good; empty if there is none.
  virtual std::string excuse(std::string_view head) const = 0;
  // Loads the file; on failure, the result has the tool's messages.
  virtual ToolEnd load_globals(const std::string& file) = 0;
  virtual ToolEnd load_database(const DumpFile& dump, const std::string& file, std::string_view head) = 0;
  // For the database that was loaded last.
  virtual LoadedCount count(const DumpFile& dump) = 0;

 protected:
  DatabaseServer(JobContext& job, std::string directory) : job_(job), directory_(std::move(directory)) {}

  ToolEnd run(const std::vector<std::string>& command, std::string input = {});
  // Starts the server process, and polls until it answers.
  void launch(const std::vector<std::string>& command, const std::vector<std::string>& ask,
              const std::string& log);
  void stop(int signal);
  const std::string& directory() const { return directory_; }
  JobContext& job() { return job_; }

 private:
  JobContext& job_;
  std::string directory_;
  std::unique_ptr<Child> server_;
};

std::unique_ptr<DatabaseServer> make_postgresql(JobContext& job, const std::string& directory);
std::unique_ptr<DatabaseServer> make_mariadb(JobContext& job, const std::string& directory);
std::unique_ptr<DatabaseServer> make_scripted(JobContext& job, PolicyType type, const std::string& directory);
std::string missing_postgresql();
std::string missing_mariadb();
std::string missing_tool(const DatabaseDumps& dumps);

}  // namespace cyborg
