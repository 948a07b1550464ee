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

// The URL of one client's borg repository; the name is known to be safe in a path.
std::string expand_url(std::string_view url, std::string_view client);

// Refuses what borg would refuse or misread, naming the part that is wrong.
Expected<RepositoryLocation> parse_repository_url(std::string_view url);

// How the places of two URLs, which parse, lie to each other, however they are spelled: for any client if
// they have placeholders that say so, or for some of these clients. Host names are compared as they are
// written.
enum class Places { apart, same, first_inside, second_inside };
using ClientNames = std::set<std::string>;
Places compare_places(std::string_view a, std::string_view b, const ClientNames& clients);

// [user@]host[:port], as of a jump host. IPv6 addresses stand in brackets.
Expected<SshTarget> parse_ssh_target(std::string_view text, std::string_view default_user);

bool is_valid_host(std::string_view host);
bool is_valid_user(std::string_view user);

}  // namespace cyborg
