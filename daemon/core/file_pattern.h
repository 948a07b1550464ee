// What `cyborgctl find` is given, as patterns of SQL's LIKE. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace cyborg {

// "fstab" is part of a name, "*.conf" a whole one. With slashes the last part is the begin of a name, or a
// whole one if it has * or ?, and what is before it the end of the directory; a leading slash ties it to the
// top.
struct FilePattern {
  std::string name;
  std::optional<std::string> directory;
  bool ignore_case = false;
  bool indexable = false;  // three characters of a name in a row: trigrams find it
};

Expected<FilePattern> parse_file_pattern(std::string_view text, bool ignore_case);

}  // namespace cyborg
