// SPDX-License-Identifier: GPL-3.0-or-later
#include "ssh/key.h"

#include <libssh/libssh.h>
#include <strings.h>

#include <cstring>
#include <memory>

namespace cyborg::ssh {
namespace {

struct FreeKey {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<std::remove_pointer_t<ssh_key>, FreeKey>;

}  // namespace

Expected<KeyPair> generate_key() {
  ssh_key raw = nullptr;
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &raw) != SSH_OK) {
    return fail(ErrorCode::failed, "libssh cannot generate an ed25519 key");
  }
  const Key key{raw};
  char* private_text = nullptr;
  char* public_text = nullptr;
  KeyPair pair;
  if (ssh_pki_export_privkey_base64(key.get(), nullptr, nullptr, nullptr, &private_text) == SSH_OK) {
    pair.private_key = private_text;
    explicit_bzero(private_text, std::strlen(private_text));
    ssh_string_free_char(private_text);
  }
  if (ssh_pki_export_pubkey_base64(key.get(), &public_text) == SSH_OK) {
    pair.public_line = std::string{"ssh-ed25519 "} + public_text + " cyborgd";
    ssh_string_free_char(public_text);
  }
  if (pair.private_key.empty() || pair.public_line.empty()) {
    return fail(ErrorCode::failed, "libssh cannot write the key that it generated");
  }
  return pair;
}

}  // namespace cyborg::ssh
