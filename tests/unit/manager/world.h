// SPDX-License-Identifier: GPL-3.0-or-later
// A daemon between fakes: three clients, two repositories, and the jobs that a test puts into the database.
// The daemon can be killed at any time; when it restarts, it finds the state of the database and the
// machine.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "manager/manager.h"
#include "unit/manager/fake_outside.h"
#include "unit/manager/fake_store.h"

namespace cyborg::test {

class World {
 public:
  World();

  // Plans a job; the name of its archive distinguishes it from any other, even one with the same number.
  NewJob planned(JobKind kind, const std::string& client, const std::string& repository);
  std::vector<std::int64_t> add_run(std::vector<NewJob> jobs);

  void construct();  // without an answer from the database
  void boot();
  void crash();
  void restart() {
    crash();
    boot();
  }
  void database_away();  // fails all waiting calls
  void database_back();

  Manager& manager() { return daemon_->manager; }
  FakeStore& store() { return daemon_->store; }
  FakeSystemd& systemd() { return daemon_->systemd; }
  FakeFiles& files() { return daemon_->files; }
  FakeSecrets& secrets() { return daemon_->secrets; }
  FakePublisher& publisher() { return daemon_->publisher; }
  FakeLog& log() { return daemon_->log; }
  const Job& stored(std::int64_t job) const { return database.jobs.at(job); }

  void turn() { clock.turn(); }
  // Answers all calls successfully, except those whose names begin like this, until nothing happens without a
  // timer.
  void settle(std::string_view except = "\n");
  // The same with timers and running jobs that succeed, until nothing is left to do. False: it never
  // ends.
  bool run_out();
  // Returns the current violation; empty if there is none.
  std::string violation() const;
  bool all_ended() const;

  Database database;
  Machine machine;
  FakeClock clock;

 private:
  struct Daemon {
    explicit Daemon(World& world);
    FakeStore store;
    FakeSystemd systemd;
    FakeFiles files;
    FakePublisher publisher;
    FakeSecrets secrets;
    FakeLog log;
    Manager manager;
  };

  bool answer_one(Calls& calls, std::string_view except);

  std::unique_ptr<Daemon> daemon_;
  int made_ = 0;
  std::uint64_t uuids_ = 0;
};

}  // namespace cyborg::test
