// SPDX-License-Identifier: GPL-3.0-or-later
// A compact representation against which a million files are compared: keyed hashes instead of paths and
// attributes. Each job uses a new key, so that nobody can construct paths with equal hashes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace cyborg::catalog {

using Hash = std::uint64_t;

class Hasher {
 public:
  Hasher();  // uses a random key
  Hash operator()(std::string_view text) const;

 private:
  std::array<unsigned char, 16> key_;
};

// A map from hash to id, with 12 bytes per entry.
class HashMap {
 public:
  static constexpr std::int32_t kNone = 0;  // ids begin at 1

  HashMap();
  void reserve(std::size_t count);
  std::int32_t find(Hash hash) const;
  // Returns false if the hash is present already.
  bool insert(Hash hash, std::int32_t id);
  std::size_t size() const { return size_; }

 private:
  std::size_t place_of(Hash hash) const;
  void grow(std::size_t places);

  std::vector<Hash> hashes_;
  std::vector<std::int32_t> ids_;
  std::size_t size_ = 0;
};

}  // namespace cyborg::catalog
