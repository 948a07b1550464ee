// SPDX-License-Identifier: GPL-3.0-or-later
// The scripts that a job runs on other machines, for people to read first: cyborg-job --print-script.
#pragma once

#include <string>
#include <vector>

#include "core/job_spec.h"

namespace cyborg {

struct ClientScript {
  std::string title;  // what it is, and where and when it runs
  std::string text;
};

// In the order in which they run. Values that only a job finds out are replaced by words in capitals. A
// script inside another, as a quoted word, is printed once more after it.
std::vector<ClientScript> client_scripts(const JobSpec& spec);

// Prints each with its title as a comment.
std::string printed(const std::vector<ClientScript>& scripts);

}  // namespace cyborg
