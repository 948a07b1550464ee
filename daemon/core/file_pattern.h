// SPDX-License-Identifier: GPL-3.0-or-later
// Converts the arguments of `cyborgctl find` to patterns for SQL's LIKE. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace cyborg {

// "fstab" matches a part of a name, "*.conf" a whole name. With slashes, the last part matches the beginning
// of a name, or a whole name if it contains * or ?, and the part before it the end of the directory; a
// leading slash anchors it at the root.
struct FilePattern {
  std::string name;
  std::optional<std::string> directory;
  bool ignore_case = false;
  bool indexable = false;  // contains three successive characters of a name: trigrams can find it
};

Expected<FilePattern> parse_file_pattern(std::string_view text, bool ignore_case);

}  // namespace cyborg
