// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/vault.h"

#include <fmt/format.h>
#include <systemd/sd-id128.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "ssh/key.h"

namespace cyborg {
namespace {

std::string place(const std::string& kind, const std::string& owner, const std::string& field) {
  return fmt::format("{}/{}/{}", kind, owner, field);
}

}  // namespace

Expected<Sealer> Vault::open_sealer() {
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (!directory) {
    return fail(ErrorCode::failed, "the seal key is missing: $CREDENTIALS_DIRECTORY is not set",
                "cyborgd runs as a service that has LoadCredentialEncrypted=seal-key:…");
  }
  const std::string path = fmt::format("{}/seal-key", directory);
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  std::string key = text.str();
  if (!file || key.empty())
    return fail(ErrorCode::failed, fmt::format("the seal key {} cannot be read", path));
  auto sealer = Sealer::create(key);
  wipe(key);
  return sealer;
}

Expected<std::string> Vault::seal(const std::string& kind, const std::string& owner, const std::string& field,
                                  std::string_view plain) {
  return sealer_.seal(place(kind, owner, field), plain);
}

Expected<std::string> Vault::open(const std::string& kind, const std::string& owner, const std::string& field,
                                  std::string_view sealed) {
  auto plain = sealer_.open(place(kind, owner, field), sealed);
  if (plain) return plain;
  return fail(
      ErrorCode::failed,
      fmt::format("the {} of {} {} does not open: {}", field, kind, owner, plain.error().message),
      "was the seal key replaced? /etc/cyborg/seal-key.cred has to be the one that sealed the database");
}

// 32 characters of 64 kinds, 192 bits, without any that a shell or a URL treats specially or that people
// confuse.
std::string Vault::random_passphrase() {
  static constexpr std::string_view kLetters =
      "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789-_=.+";
  static_assert(kLetters.size() == 64);
  std::string bytes = Sealer::generate_key();
  std::string passphrase;
  for (const char byte : bytes) passphrase += kLetters[static_cast<unsigned char>(byte) % kLetters.size()];
  wipe(bytes);
  return passphrase;
}

std::string Vault::random_uuid() {
  sd_id128_t id{};
  if (sd_id128_randomize(&id) < 0) throw std::bad_alloc{};
  std::array<char, SD_ID128_UUID_STRING_MAX> text{};
  return sd_id128_to_uuid_string(id, text.data());
}

Expected<SshKeyPair> Vault::make_ssh_key() {
  auto key = ssh::generate_key();
  if (!key) return std::unexpected(key.error());
  return SshKeyPair{std::move(key->private_key), std::move(key->public_line)};
}

}  // namespace cyborg
