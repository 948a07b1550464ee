// SPDX-License-Identifier: GPL-3.0-or-later
// Transport direct, the decisions: which client uses it, and the line of authorized_keys that restricts a
// client's key to one `borg serve` on the repository host.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "core/job_spec.h"
#include "core/model.h"

namespace cyborg {

// Whether the client's borg connects to the repository host itself. The server's own borg always does.
bool goes_direct(const Repository& repository, const Client& client);

// Whether the client's key is authorised for the repository as currently configured.
bool is_authorized(const Repository& repository, const BorgRepository& one);

// Parses a public key as printed by ssh-keygen on a client, which may print anything: type and base64, and
// nothing else.
Expected<std::string> parse_public_key(std::string_view printed);

// The entry in the repository host's authorized_keys for a client: its key, restricted to one `borg serve`.
struct KeyGrant {
  std::string client, repository;
  std::string path;  // of the borg repository
  bool append_only = false;
  std::string key;  // as from parse_public_key
};
Expected<std::string> authorized_line(const KeyGrant& grant);
KeyGrant key_grant(const JobSpec& spec, std::string key);

// Quotes a text for an option in authorized_keys.
std::string quote_option(std::string_view text);

}  // namespace cyborg
