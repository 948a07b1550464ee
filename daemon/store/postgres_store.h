// SPDX-License-Identifier: GPL-3.0-or-later
// The store in PostgreSQL.
//
// Three workers, each a thread with its own connection: "state" for short transactions, "history" for
// reading, "output" for the output of jobs, so that a million lines never delay a state change. Each worker
// does and answers its requests in order.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "store/store.h"

namespace cyborg::store {

// Runs a function later on the event loop's thread. Called from the store's threads.
using Poster = std::function<void(std::function<void()>)>;

// Whether a connection string refers to something else than this machine's unix sockets.
bool is_remote(const std::string& conninfo);

class PostgresStore : public Store {
 public:
  struct Config {
    std::string conninfo;  // a libpq connection string or URI
    std::string node;      // this machine's name in runs and jobs
  };
  // Reports only changes, on the event loop's thread; reason is a sentence for people, empty when available.
  using OnAvailability = std::function<void(bool available, std::string reason)>;

  // Destroy it on the loop's thread: that waits for the running statement and drops queued ones; no callback
  // is called afterwards, not even a posted one.
  static std::unique_ptr<PostgresStore> make(Config config, Poster post, OnAvailability on_availability);

  // Connects in the background and applies migrations; after failures, retries after 1 s, 2 s … 15 s.
  virtual void start() = 0;
};

}  // namespace cyborg::store
