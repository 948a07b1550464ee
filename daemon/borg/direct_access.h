// Transport direct, the part that is decided: which client uses it, and the line of authorized_keys that
// binds a client's key to one `borg serve` on the repository host.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"
#include "core/job_spec.h"
#include "core/model.h"

namespace cyborg {

// Does the client's borg connect to the repository host itself? The server's own does in any case.
bool goes_direct(const Repository& repository, const Client& client);

// Is the client's key authorised as the repository is configured now?
bool is_authorized(const Repository& repository, const BorgRepository& one);

// The public half of a key as ssh-keygen prints it, from a client that may print anything: type and base64,
// and nothing else.
Expected<std::string> parse_public_key(std::string_view printed);

// What authorized_keys of the repository host must have for a client: its key, bound to one `borg serve`.
struct KeyGrant {
  std::string client, repository;
  std::string path;  // of the borg repository
  bool append_only = false;
  std::string key;  // as from parse_public_key
};
Expected<std::string> authorized_line(const KeyGrant& grant);
KeyGrant key_grant(const JobSpec& spec, std::string key);

// A text between the quotes of an option in authorized_keys.
std::string quote_option(std::string_view text);

}  // namespace cyborg
