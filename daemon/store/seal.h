// SPDX-License-Identifier: GPL-3.0-or-later
// Secrets at rest: encrypted before they reach the database, with a key that is never stored there. The owner
// of a secret is bound into the encryption, so a blob that is moved to another row cannot be decrypted.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace cyborg {

class Sealer {
 public:
  static constexpr std::size_t kKeySize = 32;

  // key: exactly kKeySize bytes. The copy is locked into memory if possible, and wiped at the end; the caller
  // wipes its own (see wipe).
  static Expected<Sealer> create(std::string_view key);
  static std::string generate_key();

  Sealer(Sealer&& other) noexcept;
  Sealer& operator=(Sealer&& other) noexcept;
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;
  ~Sealer();

  // place: "kind/owner/field", the same as for opening. XChaCha20-Poly1305 with a random nonce.
  std::string seal(std::string_view place, std::string_view secret) const;
  // Fails if key, place or any byte differs.
  Expected<std::string> open(std::string_view place, std::string_view sealed) const;

 private:
  Sealer();

  // On the heap, so that moving the object leaves no copy behind.
  unsigned char* key_ = nullptr;
};

// Overwrites a secret that is no longer needed.
void wipe(std::string& secret);

}  // namespace cyborg
