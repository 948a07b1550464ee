// The repository's end of a relay: a `borg serve` here, or on the repository host over a connection of its
// own.
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
  // Starts it; a connection is made in the background, to a host with this key. Throws Failure if the
  // repository is clearly no use.
  static std::unique_ptr<Serve> start(JobContext& job, const std::string& host_key);
  virtual ~Serve() = default;

  // Lets its messages get to the job's output, and its connection be served.
  virtual void attach(ssh::Pump& pump, JobContext& job) = 0;
  // Joins it with its borg; `inspect` sees what it answers. The guard and the pump must outlive each other.
  virtual void join(ssh::Pump& pump, std::unique_ptr<ssh::Source> source, std::unique_ptr<ssh::Sink> sink,
                    std::function<void(std::string_view)> inspect) = 0;
  // After borg's end: waits for its own. False if it failed without an explanation of its own.
  virtual bool finish(JobContext& job) = 0;
  // It ended badly. A borg that just reads a big file without news would not notice for hours.
  virtual bool broken() = 0;
  // If it could not be reached, or broke: throws why.
  virtual void rethrow() = 0;
  std::string last_words() const { return said_.empty() ? std::string{} : said_.back(); }
  const std::deque<std::string>& said() const { return said_; }  // its last lines

 protected:
  void say(JobContext& job, std::string_view line);

  std::deque<std::string> said_;
};

// Watches what a `borg serve` answers, and throws before borg can write anything if the repository is not
// the one with this id. The first 32-byte binary in the stream is the answer to "open": the id.
class IdGuard {
 public:
  explicit IdGuard(const JobSpec& spec) : spec_(spec), done_(spec.borg_id.empty()) {}
  void inspect(std::string_view data);

 private:
  const JobSpec& spec_;
  std::string seen_;
  bool done_;
};

// A repository on the server: throws Failure with what to do if it is missing, is not ours or is not the
// one that was prepared.
void check_local_repository(const JobSpec& spec);

}  // namespace cyborg
