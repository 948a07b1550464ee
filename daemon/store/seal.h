// Secrets at rest: sealed before they reach the database, by a key that is never there. What a secret belongs
// to is bound into the seal, so that a blob moved to another row does not open.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace cyborg {

class Sealer {
 public:
  static constexpr std::size_t kKeySize = 32;

  // key: exactly kKeySize bytes. The copy inside is locked into memory where possible, and wiped at the end;
  // the caller wipes its own (see wipe).
  static Expected<Sealer> create(std::string_view key);
  static std::string generate_key();

  Sealer(Sealer&& other) noexcept;
  Sealer& operator=(Sealer&& other) noexcept;
  Sealer(const Sealer&) = delete;
  Sealer& operator=(const Sealer&) = delete;
  ~Sealer();

  // place: "kind/owner/field", the same for opening. XChaCha20-Poly1305 with a random nonce.
  std::string seal(std::string_view place, std::string_view secret) const;
  // Fails if anything was changed: key, place or bytes.
  Expected<std::string> open(std::string_view place, std::string_view sealed) const;

 private:
  Sealer();

  // On the heap, so that moving leaves no copy behind.
  unsigned char* key_ = nullptr;
};

// Overwrites a secret that is not needed any more.
void wipe(std::string& secret);

}  // namespace cyborg
