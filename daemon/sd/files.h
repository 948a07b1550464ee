// SPDX-License-Identifier: GPL-3.0-or-later
// File access where a less privileged user may have created the files: no symbolic link is followed, nothing
// blocks, sizes are capped.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "sd/unique.h"

namespace cyborg::sd {

// An error "WHAT: reason of errno".
std::unexpected<Error> fail_errno(const std::string& what);

// Opens a directory that is not a symbolic link; the descriptor is unset if the directory does not exist.
Expected<Fd> open_directory(int parent, const std::string& name);
// Opens a regular file for reading; the descriptor is unset if the file does not exist.
Expected<Fd> open_regular(int directory, const std::string& name);
// The content; nullopt if the file does not exist.
Expected<std::optional<std::string>> read_file(int directory, const std::string& name, std::size_t limit);

// Replaces the file atomically, by renaming.
Expected<void> write_file(const std::string& path, std::string_view content, mode_t mode);
// A missing file counts as removed.
Expected<void> remove_file(const std::string& path);
Expected<void> remove_tree(int parent, const std::string& name);

// The entries of a directory without "." and "..".
std::vector<std::string> list_directory(const std::string& path);
// The entries that are directories named by a positive number.
std::vector<std::int64_t> list_numbered(const std::string& path);

}  // namespace cyborg::sd
