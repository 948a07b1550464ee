// Database servers that live as long as a verification: in a directory of their own, reached by a socket in
// it alone, and shut in (sandbox.h) with the tools that load dumps into them. What needs no server is read by
// a script that is shut in as they are.
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

// Tables and rows of what was loaded.
struct LoadedCount {
  std::int64_t tables = 0;
  std::int64_t rows = 0;
};

class DatabaseServer {
 public:
  virtual ~DatabaseServer() = default;

  // Makes one, and waits until it answers. Throws Failure.
  static std::unique_ptr<DatabaseServer> start(JobContext& job, PolicyType type,
                                               const std::string& directory);
  // What is missing on this machine to make one; empty: nothing.
  static std::string missing(PolicyType type);

  virtual std::string name() const = 0;  // "PostgreSQL 15"
  // Why a dump that begins like this cannot be loaded here; empty: it can.
  virtual std::string refusal(std::string_view head) const = 0;
  // Why it may fail without being broken; empty: there is no reason.
  virtual std::string excuse(std::string_view head) const = 0;
  // Loads the file; on failure what was said.
  virtual ToolEnd load_globals(const std::string& file) = 0;
  virtual ToolEnd load_database(const DumpFile& dump, const std::string& file, std::string_view head) = 0;
  // Of the database that was loaded last.
  virtual LoadedCount count(const DumpFile& dump) = 0;

 protected:
  DatabaseServer(JobContext& job, std::string directory) : job_(job), directory_(std::move(directory)) {}

  ToolEnd run(const std::vector<std::string>& command, std::string input = {});
  // Starts the server itself, and asks until it answers.
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
