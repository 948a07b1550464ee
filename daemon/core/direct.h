// Transport direct: a client's own way to its borg repository, with a key of its own that the repository host
// takes for nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

// Makes the client's key, if there is none, and prints its public half.
std::string client_key_script(const JobSpec& spec);

// Puts the line into the authorized keys of the user who runs it, in the place of the one that this client
// had for this repository before (and of `old`). Everything else in the file stays as it is. Gives up with
// key-taken if the key is there for something else: the first line with a key counts, so a client could take
// another's away by showing it as its own.
std::string authorize_line_script(const KeyGrant& grant, const std::string& line, const std::string& old);
// Takes a line away; also one that was written differently, if it is this client's with this key.
std::string withdraw_line_script(const KeyGrant& grant, const std::string& line);

// Lists the repository with the client's own key: proves that the whole way works.
std::string direct_check_script(const JobSpec& spec);

// For script_start: variables and the file that BORG_RSH reads, in $D. What ssh itself has to say is in
// $D/ssh, and told as "ssh-said" at the end.
std::string direct_parts(const JobSpec& spec);
extern const char* const kDirectRsh;
extern const char* const kTellSsh;

// What it means that the client's ssh said this, and borg had no connection.
JobResult direct_failure(const JobSpec& spec, const std::vector<std::string>& said, JobResult result);

}  // namespace cyborg
