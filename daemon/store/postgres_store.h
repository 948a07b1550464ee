// The store in PostgreSQL.
//
// Three workers, each a thread with a connection of its own: "state" for short transactions, "history" for
// reading, "output" for what jobs printed, so that a million lines never stand before a state change. What is
// asked of one worker is done, and answered, in order.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "store/store.h"

namespace cyborg::store {

// Runs a function on the event loop's thread, later. Called from the store's threads.
using Poster = std::function<void(std::function<void()>)>;

// Whether a connection string leads away from this machine's unix sockets.
bool is_remote(const std::string& conninfo);

class PostgresStore : public Store {
 public:
  struct Config {
    std::string conninfo;  // any libpq connection string or URI
    std::string node;      // this machine's name in runs and jobs
  };
  // Reports changes only, on the event loop's thread; reason is a sentence for people, empty when available.
  using OnAvailability = std::function<void(bool available, std::string reason)>;

  // To be destroyed on the loop's thread: that waits for the statement that runs and drops what is queued;
  // nothing is called afterwards, not even what was posted.
  static std::unique_ptr<PostgresStore> make(Config config, Poster post, OnAvailability on_availability);

  // Connects in the background and applies migrations; on failure again after 1 s, 2 s … 15 s.
  virtual void start() = 0;
};

}  // namespace cyborg::store
