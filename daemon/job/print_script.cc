// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/print_script.h"

#include <fmt/format.h>
#include <json/reader.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "core/job_spec.h"
#include "remote/client_scripts.h"

namespace cyborg {

int print_script(const char* path) {
  std::ifstream file{path};
  Json::Value json;
  std::string problems;
  if (!file || !Json::parseFromStream(Json::CharReaderBuilder{}, file, &json, &problems)) {
    fmt::print(stderr, "{}: not a job's specification as JSON {}\n", path, problems);
    return EXIT_FAILURE;
  }
  const auto spec = job_spec_from_json(json);
  if (!spec) {
    fmt::print(stderr, "{}: {}\n", path, spec.error().message);
    return EXIT_FAILURE;
  }
  fmt::print("{}", printed(client_scripts(*spec)));
  return EXIT_SUCCESS;
}

}  // namespace cyborg
