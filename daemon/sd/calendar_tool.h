// SPDX-License-Identifier: GPL-3.0-or-later
// The meaning of OnCalendar= expressions, from the only authority: systemd-analyze calendar.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "manager/ports.h"
#include "sd/child.h"
#include "sd/loop.h"

namespace cyborg::sd {

// The elapses printed by systemd-analyze, in the order printed.
std::vector<Microseconds> parse_elapses(std::string_view output);

class CalendarTool {
 public:
  explicit CalendarTool(Loop& loop) : loop_(loop) {}

  // The next elapses of the union of the expressions, ascending. The union may hold expressions that never
  // elapse again, as long as one does.
  void next_elapses(std::vector<std::string> calendar, unsigned count, Done<std::vector<Microseconds>> done);

 private:
  struct Request {
    std::vector<std::string> calendar;
    unsigned count;
    Done<std::vector<Microseconds>> done;
    std::unique_ptr<Child> child;
  };

  void start_queued();
  void finish(std::list<Request>::iterator request, const ChildEnd& end);

  Loop& loop_;
  std::list<Request> queue_, running_;
};

}  // namespace cyborg::sd
