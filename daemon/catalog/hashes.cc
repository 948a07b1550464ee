// SPDX-License-Identifier: GPL-3.0-or-later
#include "catalog/hashes.h"

#include <sodium/crypto_shorthash.h>

#include <bit>
#include <utility>

namespace cyborg::catalog {

static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == sizeof(Hash));

Hasher::Hasher() : key_{} {
  crypto_shorthash_keygen(key_.data());
}

Hash Hasher::operator()(std::string_view text) const {
  Hash hash = 0;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), key_.data());
  return hash;
}

HashMap::HashMap() {
  grow(1024);
}

void HashMap::reserve(std::size_t count) {
  if (const std::size_t places = std::bit_ceil(count + count / 2); places > ids_.size()) grow(places);
}

// The position of the hash, or the free position where it would be inserted.
std::size_t HashMap::place_of(Hash hash) const {
  const std::size_t mask = ids_.size() - 1;
  std::size_t place = hash & mask;
  while (ids_[place] != kNone && hashes_[place] != hash) place = (place + 1) & mask;
  return place;
}

std::int32_t HashMap::find(Hash hash) const {
  return ids_[place_of(hash)];
}

bool HashMap::insert(Hash hash, std::int32_t id) {
  if (size_ + size_ / 4 >= ids_.size()) grow(ids_.size() * 2);
  const std::size_t place = place_of(hash);
  if (ids_[place] != kNone) return false;
  hashes_[place] = hash;
  ids_[place] = id;
  ++size_;
  return true;
}

void HashMap::grow(std::size_t places) {
  const auto hashes = std::exchange(hashes_, std::vector<Hash>(places));
  const auto ids = std::exchange(ids_, std::vector<std::int32_t>(places, kNone));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] == kNone) continue;
    const std::size_t place = place_of(hashes[i]);
    hashes_[place] = hashes[i];
    ids_[place] = ids[i];
  }
}

}  // namespace cyborg::catalog
