// /etc/cyborg/cyborgd.conf: what the daemon has to know before it reaches its database.
#pragma once

#include <string>

#include "core/error.h"

namespace cyborg {

struct Config {
  std::string database = "dbname=cyborg host=/run/postgresql";
  std::string node;  // default: the host name
  std::string log_level = "info";
};

// The text of a file; a wrong line is named with its number.
Expected<Config> parse_config(const std::string& text);
// A file that does not exist is an empty one.
Expected<Config> read_config(const std::string& path);

}  // namespace cyborg
