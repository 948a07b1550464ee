// SPDX-License-Identifier: GPL-3.0-or-later
// Repository URLs: /path on the server, user@host:path, ssh://user@host:port/path. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/job_spec.h"

namespace cyborg {

struct RepositoryLocation {
  SshTarget host;    // address empty: on the server
  std::string path;  // relative to the login directory only for user@host:path and ssh://host/./path
};

bool has_client_placeholder(std::string_view url);

// Returns the URL of one client's borg repository; the client's name is safe in a path.
std::string expand_url(std::string_view url, std::string_view client);

// Refuses URLs that borg would refuse or misread, naming the wrong part.
Expected<RepositoryLocation> parse_repository_url(std::string_view url);

// How the paths of two valid URLs relate, however they are spelled: for any client if they
// have placeholders that permit it, or for one of these clients. Host names are compared as
// written.
enum class Places { apart, same, first_inside, second_inside };
using ClientNames = std::set<std::string>;
Places compare_places(std::string_view a, std::string_view b, const ClientNames& clients);

// Parses [user@]host[:port], as for a jump host. IPv6 addresses are in brackets.
Expected<SshTarget> parse_ssh_target(std::string_view text, std::string_view default_user);

bool is_valid_host(std::string_view host);
bool is_valid_user(std::string_view user);

}  // namespace cyborg
