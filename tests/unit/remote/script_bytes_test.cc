// The composed scripts are, byte for byte, what they were when their text stood in C++; but for those that
// get the variables of a policy type, as its row has them.
#include <gtest/gtest.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/utils.h>

#include <array>
#include <map>
#include <string>

#include "unit/remote/every_script.h"

namespace cyborg {
namespace {

const std::map<std::string, std::string> kRecorded{
    {"authorize", "780f91f3e572b1560b784b60672903e819b984915245755e923db8c7b5dee185"},
    {"authorize line", "ba9bab0635905f6dd6768ccba9e2eb812d0fce66c7438c15f9e35e2189dc9b7b"},
    {"backup by relay", "de9bbfc6d540ea27c251dda39fdccdb2fa17e206b12e78f537be3a91a4c06f26"},
    {"backup direct", "6f4120aaaf8d75486594f28eaa2b020854b1365c17b3900cba2ea823efee7041"},
    {"backup from snapshots", "cc6991dffc8e2c3a8ab052cbf1cc8e49d4f2b3748e68d313ace9c25260889009"},
    {"backup of one file system from snapshots",
     "a6c1d5888d7a3b1d403f352ab2d41ddbcc7a939f4b612d353844e11a367f25a5"},
    {"backup of the roots that exist", "d60586f5ca01e2583a11962787fc1dcb96dc2e353826383c1a5ba135f64564fa"},
    {"backup to a path", "e3f4d0dbaec6eb9e25d1a295ac623f3fbe1e005d3eea4dffdb72318113a241f6"},
    {"client key", "a19a7b7e88a82696bcbd7d1795a000a71d38b2774a7ca681c349b79777119611"},
    {"content", "e0d303021f89b83f0b2d668ccafea5a123da2ee97f95b5d2a00d9c46000a0fca"},
    {"direct check", "f99310bcd045501936e5e6152d290bd10a3d8c6d1f2e214e8247012dd0e7785c"},
    {"facts", "d0ae6ddd08a2ce89c416df2ba56dca8ee378e2b9a9d5c8b325b49d0e7362c836"},
    {"facts and installation", "1e51f81671c22d890a967c05667a6fc6d73a9de29c2cd97e678f1db2262ae681"},
    {"hashes", "91c8d5129d0816d46207f200ac48ccdbc128b18b2138e595ac4cfed37c11b710"},
    {"hashes here", "33100e305da096721904925d923471205f8caa9364b1ee163f86ef550557af42"},
    {"hook", "e75063df35d0a9894fe3bb2068f488edba74d3bf7a8ac140cf21622bf565feb1"},
    {"links", "4bea94575257a68b2850d7c7d423e42eba9f338734d74cc55b1eaf171d4f637a"},
    {"look", "2e142e443adf11a9197be2bbcd97ab0ba9dec304660fc01903e00cbaac8bd919"},
    {"make parents", "f2c11a142c83fa72800af7ee1ae282b06e49138208b84d1e03e4cd7d7fa95886"},
    {"relay", "64c0f5ea22e5e090735520147d608ca40c7555f462c0631ea72e458a9038fa85"},
    {"rename", "a2fd1de9a84fbe5807a1c26af01460f51ad267ae958ad13d235f06a802bf7a82"},
    {"restore", "346964fb7da6862739631d74f90106983e43ed2cfcb30aa8d5f177daa5f31a01"},
    {"restore with excludes", "acec708f3e18f7f594dd42c16b661e1c9b8cb0c6f9d7bd77745fb1ddcdd8c04d"},
    {"upload", "264d8ae1c4d4ab08af5aab58a34961bbc2e654d78e0ab88ebfc8aa2b60cb09b3"},
    {"withdraw line", "f6c9435672c0e3f33f3d22e6cf9c041811c4ae1d3b48b921ffa8435ca43c797c"},
};

std::string sha256(const std::string& text) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::array<char, 2 * hash.size() + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  return hex.data();
}

TEST(Scripts, AreByteForByteWhatTheyWere) {
  const std::map<std::string, std::string> now = test::every_script();
  for (const auto& [name, hash] : kRecorded) {
    ASSERT_TRUE(now.contains(name)) << name;
    EXPECT_EQ(sha256(now.at(name)), hash) << name;
  }
}

}  // namespace
}  // namespace cyborg
