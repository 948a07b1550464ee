// SPDX-License-Identifier: GPL-3.0-or-later
// A PostgreSQL server for the tests: in a temporary directory, reachable only through a unix socket in it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace cyborg::store::test {

class Cluster {
 public:
  // The server that all tests of a program share; it ends with the program, however that ends.
  static Cluster& shared();

  Cluster();
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Creates an empty database, or a copy of one that has the schema already.
  std::string create_database(bool with_schema = true);
  std::string conninfo(const std::string& database) const;
  void execute(const std::string& database, const std::string& sql) const;  // throws

  void start();
  void stop();    // as systemctl stop does: connections are told
  void crash();   // SIGQUIT
  void freeze();  // makes it stop answering
  void thaw();

 private:
  pid_t spawn(const std::vector<std::string>& arguments) const;
  void run(const std::vector<std::string>& arguments) const;  // throws
  void end(int signal);
  bool answers() const;

  std::string directory_;
  std::string bin_;
  pid_t server_ = 0;
  bool has_template_ = false;
  int databases_ = 0;
};

}  // namespace cyborg::store::test
