// SPDX-License-Identifier: GPL-3.0-or-later
// The repository's end of a relay: a `borg serve` on this machine, or on the repository host over a separate
// connection.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "job/job.h"

namespace cyborg {

class Serve {
 public:
  // Starts it; a connection to a host, with this key, is made in the background. Throws Failure if the
  // repository is clearly unusable.
  static std::unique_ptr<Serve> start(JobContext& job, const std::string& host_key);
  virtual ~Serve() = default;

  // Passes its messages to the job's output, and lets the pump serve its connection.
  virtual void attach(ssh::Pump& pump, JobContext& job) = 0;
  // Connects it with its borg; `inspect` sees its answers. The guard and the pump must outlive each other.
  virtual void join(ssh::Pump& pump, std::unique_ptr<ssh::Source> source, std::unique_ptr<ssh::Sink> sink,
                    std::function<void(std::string_view)> inspect) = 0;
  // After borg's end: waits for its own. False if it failed without explaining why.
  virtual bool finish(JobContext& job) = 0;
  // Whether it failed. A borg that is reading a large, unchanged file would not notice for hours.
  virtual bool broken() = 0;
  // Throws the reason if it could not be reached, or broke.
  virtual void rethrow() = 0;
  std::string last_words() const { return said_.empty() ? std::string{} : said_.back(); }
  const std::deque<std::string>& said() const { return said_; }  // its last lines

 protected:
  void say(JobContext& job, std::string_view line);

  std::deque<std::string> said_;
};

// Watches the answers of a `borg serve`, and throws before borg can write anything if the repository does not
// have this id. The first 32-byte binary in the stream is the answer to "open": the id.
class IdGuard {
 public:
  explicit IdGuard(const JobSpec& spec) : spec_(spec), done_(spec.borg_id.empty()) {}
  void inspect(std::string_view data);

 private:
  const JobSpec& spec_;
  std::string seen_;
  bool done_;
};

// For a repository on the server: throws a Failure that says what to do if it is missing, does not belong to
// us, or is not the prepared one.
void check_local_repository(const JobSpec& spec);

}  // namespace cyborg
