// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of single properties: each returns what would be valid, or an empty view if the text is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cyborg {

std::string_view check_object_name(const std::string& name);
std::string_view check_optional_name(const std::string& name);
std::string_view check_host(const std::string& host);
std::string_view check_user(const std::string& user);
std::string_view check_jump(const std::string& jump);
std::string_view check_host_key(const std::string& key);
std::string_view check_timezone(const std::string& zone);
std::string_view check_compression(const std::string& compression);
std::string_view check_encryption(const std::string& mode);
std::string_view check_transport(const std::string& transport);
std::string_view check_authorize(const std::string& who);
std::string_view check_canary(const std::string& path);
std::string_view check_exclude(const std::string& pattern);

std::vector<std::string> encryption_modes();
std::vector<std::string> transports();
std::vector<std::string> authorizers();
std::vector<std::string> restore_conflicts();
std::vector<std::string> policy_type_names();  // core/policy_types.h

}  // namespace cyborg
