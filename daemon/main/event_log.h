// SPDX-License-Identifier: GPL-3.0-or-later
// The port to the journal: logs events of jobs and of the database, with a MESSAGE_ID for each kind of event.
#pragma once

#include "manager/ports.h"

namespace cyborg {

class JournalLog : public EventLog {
 public:
  void job_started(const Job& job) override;
  void job_ended(const Job& job) override;
  void database(bool available, const std::string& reason) override;
  void granted(const AccessRequest& request) override;
  void denied(const AccessRequest& request) override;
  void job_moved(const Job& job) override;
  void history_forgotten(std::int64_t jobs) override;
  void trouble(const std::string& message) override;
};

}  // namespace cyborg
