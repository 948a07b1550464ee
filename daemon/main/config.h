// SPDX-License-Identifier: GPL-3.0-or-later
// /etc/cyborg/cyborgd.conf: the settings that the daemon needs before it reaches its database.
#pragma once

#include <string>

#include "core/error.h"

namespace cyborg {

struct Config {
  std::string database = "dbname=cyborg host=/run/postgresql";
  std::string node;  // default: the host name
  std::string log_level = "info";
};

// Parses the text of a file; an error names the number of the line.
Expected<Config> parse_config(const std::string& text);
// A missing file is treated as empty.
Expected<Config> read_config(const std::string& path);

}  // namespace cyborg
