// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of the variables of policies: each returns what would be valid, or an empty view if the value is.
#pragma once

#include <string>
#include <string_view>

namespace cyborg {

std::string_view check_folder(const std::string& path);
std::string_view check_file_path(const std::string& path);     // a folder's without line breaks
std::string_view check_pattern(const std::string& pattern);    // of borg, such as *.tmp or sh:**/cache
std::string_view check_pattern_rule(const std::string& rule);  // + or - and a pattern
std::string_view check_tag_name(const std::string& name);
std::string_view check_snapshot(const std::string& word);
std::string_view check_database(const std::string& name);
std::string_view check_database_user(const std::string& user);
std::string_view check_database_host(const std::string& host);
std::string_view check_filename(const std::string& name);
std::string_view check_guest_name(const std::string& name);
std::string_view check_guest_id(const std::string& id);
std::string_view check_guest_mode(const std::string& mode);

}  // namespace cyborg
