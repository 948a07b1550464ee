// SPDX-License-Identifier: GPL-3.0-or-later
// Generates the server's key pair.
#pragma once

#include <string>

#include "core/error.h"

namespace cyborg::ssh {

struct KeyPair {
  std::string private_key;  // OpenSSH format
  std::string public_line;  // as in authorized_keys, ending in " cyborgd"
};

Expected<KeyPair> generate_key();  // ed25519

}  // namespace cyborg::ssh
