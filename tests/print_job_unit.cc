// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the unit file of every kind of job into a directory, for static/units_test.py.
#include <cstdio>
#include <fstream>

#include "job_unit_cases.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: print-job-unit DIRECTORY\n");
    return 2;
  }
  for (const auto& one : cyborg::test::job_unit_cases()) {
    std::ofstream file{std::string{argv[1]} + "/" + one.name + ".service"};
    file << cyborg::render_unit_file(one.unit);
    if (!file.flush()) {
      std::fprintf(stderr, "print-job-unit: %s cannot be written\n", one.name.c_str());
      return 1;
    }
  }
  return 0;
}
