// SPDX-License-Identifier: GPL-3.0-or-later
// The event loop of the daemon, its clock, and its notifications to the service manager.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "manager/ports.h"
#include "sd/unique.h"

namespace cyborg::sd {

void log_exception(const char* where, const char* what) noexcept;

// Runs a callback whose exceptions must not reach C code, nor end the daemon.
template <typename Call>
void guarded(const char* where, Call&& call) noexcept {
  try {
    call();
  } catch (const std::exception& error) {
    log_exception(where, error.what());
  } catch (...) {
    log_exception(where, "an exception of unknown type");
  }
}

// Throws std::system_error for a negative errno of libsystemd; passes any other value on.
int check(int result, const char* what);

// Construct it before the first thread: it blocks the signals that it handles, and threads inherit the signal
// mask.
class Loop : public Clock {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until exit(); returns its code.
  int run();
  void exit(int code);
  // Runs the call on the loop's thread, in order of posting. May be called from any thread while the loop
  // exists.
  void post(std::function<void()> call) override;

  Microseconds now() override;
  void after(const std::string& key, std::chrono::milliseconds delay, std::function<void()> call) override;
  void cancel(const std::string& key);

  // Wrappers of sd_notify; without a service manager they do nothing.
  void ready(const std::string& status);
  void status(const std::string& text);
  void stopping();

  sd_event* handle() const { return event_.get(); }

  std::function<void()> on_terminate;  // for SIGTERM and SIGINT; if unset, exit(0)
  std::function<void()> on_reload;     // SIGHUP

 private:
  struct Timer;

  void add_signal(int signal, sd_event_signal_handler_t handler);
  void run_posted();

  Event event_;
  Fd wake_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
  std::map<std::string, std::unique_ptr<Timer>> timers_;
  std::vector<EventSource> sources_;
};

}  // namespace cyborg::sd
