// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/seal.h"

#include <gtest/gtest.h>

#include <set>

namespace cyborg {
namespace {

const std::string kPlace = "borg-repository/ssh://vault/backup/web/passphrase";

Sealer make_sealer(const std::string& key = std::string(Sealer::kKeySize, 'k')) {
  auto sealer = Sealer::create(key);
  EXPECT_TRUE(sealer);
  return std::move(*sealer);
}

TEST(Seal, opens_what_it_sealed) {
  const Sealer sealer = make_sealer();
  const std::string secrets[] = {"", "a", std::string("with\0nul", 8), "\"'$`\\ \xc3\xa4",
                                 std::string(100'000, 'x')};
  for (const auto& secret : secrets) {
    const auto opened = sealer.open(kPlace, sealer.seal(kPlace, secret));
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, secret);
  }
}

TEST(Seal, shows_nothing_of_the_secret_and_never_repeats) {
  const Sealer sealer = make_sealer();
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) {
    const std::string sealed = sealer.seal(kPlace, "correct horse");
    EXPECT_EQ(sealed.find("correct"), std::string::npos);
    EXPECT_TRUE(all.insert(sealed).second);
  }
}

TEST(Seal, does_not_open_elsewhere) {
  const Sealer sealer = make_sealer();
  const auto opened =
      sealer.open("borg-repository/ssh://vault/backup/db/passphrase", sealer.seal(kPlace, "secret"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::failed);
  EXPECT_NE(opened.error().message.find("backup/db"), std::string::npos);
}

TEST(Seal, does_not_open_with_another_key) {
  const std::string sealed = make_sealer().seal(kPlace, "secret");
  EXPECT_FALSE(make_sealer(Sealer::generate_key()).open(kPlace, sealed));
}

TEST(Seal, notices_every_changed_bit_and_length) {
  const Sealer sealer = make_sealer();
  const std::string sealed = sealer.seal(kPlace, "secret");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string altered = sealed;
      altered[i] = static_cast<char>(altered[i] ^ (1 << bit));
      EXPECT_FALSE(sealer.open(kPlace, altered)) << "byte " << i << " bit " << bit;
    }
    EXPECT_FALSE(sealer.open(kPlace, sealed.substr(0, i))) << i;
  }
  EXPECT_FALSE(sealer.open(kPlace, sealed + "x"));
}

TEST(Seal, refuses_keys_of_another_size) {
  for (const std::size_t size : {0, 16, 31, 33, 64}) {
    const auto sealer = Sealer::create(std::string(size, 'k'));
    ASSERT_FALSE(sealer);
    EXPECT_NE(sealer.error().message.find(std::to_string(size)), std::string::npos);
  }
}

TEST(Seal, keys_are_random) {
  EXPECT_NE(Sealer::generate_key(), Sealer::generate_key());
  EXPECT_EQ(Sealer::generate_key().size(), Sealer::kKeySize);
}

TEST(Seal, moves) {
  Sealer first = make_sealer();
  const std::string sealed = first.seal(kPlace, "secret");
  Sealer second = std::move(first);
  EXPECT_EQ(second.open(kPlace, sealed).value_or(""), "secret");
  second = make_sealer(std::string(Sealer::kKeySize, 'l'));
  EXPECT_FALSE(second.open(kPlace, sealed));
}

TEST(Seal, wipes) {
  std::string secret = "secret";
  wipe(secret);
  EXPECT_TRUE(secret.empty());
}

}  // namespace
}  // namespace cyborg
