// What a job runs on other machines, for people who want to read it first: cyborg-job --print-script.
#pragma once

#include <string>
#include <vector>

#include "core/job_spec.h"

namespace cyborg {

struct ClientScript {
  std::string title;  // what it is, and where and when it runs
  std::string text;
};

// In the order in which they run. What only a job finds out has a word in capitals in its place. A script
// inside another, as a quoted word, follows it once more as it is.
std::vector<ClientScript> client_scripts(const JobSpec& spec);

// A comment with the title before each.
std::string printed(const std::vector<ClientScript>& scripts);

}  // namespace cyborg
