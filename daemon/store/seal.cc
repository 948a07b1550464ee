// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/seal.h"

#include <fmt/format.h>
#include <sodium.h>

#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace cyborg {
namespace {

constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
// The first byte of a sealed secret is the version of the format.
constexpr char kFormat = 1;

static_assert(Sealer::kKeySize == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text, std::size_t offset = 0) {
  return reinterpret_cast<unsigned char*>(text.data()) + offset;
}

void initialize() {
  // 1: already initialised. It fails only on a system without a source of randomness.
  if (sodium_init() < 0) throw std::runtime_error("libsodium finds no source of randomness");
}

}  // namespace

Sealer::Sealer() : key_(static_cast<unsigned char*>(sodium_malloc(kKeySize))) {
  if (!key_) throw std::bad_alloc();
}

Sealer::Sealer(Sealer&& other) noexcept : key_(std::exchange(other.key_, nullptr)) {}

Sealer& Sealer::operator=(Sealer&& other) noexcept {
  std::swap(key_, other.key_);
  return *this;
}

// sodium_free() wipes the memory.
Sealer::~Sealer() {
  sodium_free(key_);
}

Expected<Sealer> Sealer::create(std::string_view key) {
  initialize();
  if (key.size() != kKeySize) {
    return fail(ErrorCode::failed,
                fmt::format("the sealing key has {} bytes instead of {}", key.size(), kKeySize),
                "restore the key from its backup; a new one cannot open the secrets that are stored");
  }
  Sealer sealer;
  std::memcpy(sealer.key_, key.data(), kKeySize);
  return sealer;
}

std::string Sealer::generate_key() {
  initialize();
  std::string key(kKeySize, '\0');
  randombytes_buf(key.data(), key.size());
  return key;
}

std::string Sealer::seal(std::string_view place, std::string_view secret) const {
  std::string sealed(1 + kNonce + secret.size() + kTag, '\0');
  sealed[0] = kFormat;
  randombytes_buf(bytes(sealed, 1), kNonce);
  crypto_aead_xchacha20poly1305_ietf_encrypt(bytes(sealed, 1 + kNonce), nullptr, bytes(secret), secret.size(),
                                             bytes(place), place.size(), nullptr, bytes(sealed, 1), key_);
  return sealed;
}

Expected<std::string> Sealer::open(std::string_view place, std::string_view sealed) const {
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::failed, fmt::format("secret {}: {}", place, why),
                "set it again, or restore the sealing key it was sealed with");
  };
  if (sealed.size() < 1 + kNonce + kTag || sealed[0] != kFormat) return refuse("it is not a sealed secret");
  const std::string_view body = sealed.substr(1 + kNonce);
  std::string secret(body.size() - kTag, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(bytes(secret), nullptr, nullptr, bytes(body), body.size(),
                                                 bytes(place), place.size(), bytes(sealed.substr(1)),
                                                 key_) != 0) {
    wipe(secret);
    return refuse("it was sealed with another key or for another place, or was altered");
  }
  return secret;
}

void wipe(std::string& secret) {
  sodium_memzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace cyborg
