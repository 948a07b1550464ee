// SPDX-License-Identifier: GPL-3.0-or-later
// The port to secrets: encryption with the key that systemd passes, randomness, and the server's ssh key.
#pragma once

#include "manager/ports.h"
#include "store/seal.h"

namespace cyborg {

class Vault : public Secrets {
 public:
  explicit Vault(Sealer sealer) : sealer_(std::move(sealer)) {}
  // Reads the key from $CREDENTIALS_DIRECTORY/seal-key.
  static Expected<Sealer> open_sealer();

  Expected<std::string> seal(const std::string& kind, const std::string& owner, const std::string& field,
                             std::string_view plain) override;
  Expected<std::string> open(const std::string& kind, const std::string& owner, const std::string& field,
                             std::string_view sealed) override;
  std::string random_passphrase() override;
  std::string random_uuid() override;
  Expected<SshKeyPair> make_ssh_key() override;

 private:
  Sealer sealer_;
};

}  // namespace cyborg
