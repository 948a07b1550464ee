// The composed scripts are, byte for byte, what they were when their text stood in C++.
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
    {"database look mysql", "592a3024499c61d338509fcedaa9508bf68220ad6b4d3f7f8beb8097c9dda574"},
    {"database look mysql here", "e7d5f66619acf22d44523e072e30364c4459f856bb882cd89f573c00c186f401"},
    {"database look postgresql", "2d37e384f7970d0bf3b143e55880236ffa97ad40c2f02d6fd8ec7e6d20f9b366"},
    {"database look postgresql here", "11c56023270096578cd5d00c855ae9175611645c52255c5281feb09695d6b077"},
    {"direct check", "f99310bcd045501936e5e6152d290bd10a3d8c6d1f2e214e8247012dd0e7785c"},
    {"dump mysql", "aa9ecff09407a666a3c71f54c04e294c11f378d4fc95a3b4da2c957ecbf08b7d"},
    {"dump mysql here", "bb20ca98ab126f4d5adbba01a9e832e67b6a85f5f910bea43657f0f073239557"},
    {"dump piped", "8bfe7d80748b5f4615f65ce3432824a4072d97b11f08a834cce9dc1753d0f8c3"},
    {"dump piped here", "3e8c4c04bbbdb360612f1b139a4ec12c2a71e3d01ec7b4ac09dfbee3a1bd95cf"},
    {"dump postgresql", "2e56b77826a752ca453f585be8de167b9b43f9a6e601fe9b9891caa59c64174d"},
    {"dump postgresql here", "5b4bc59f54b40fa9ca763db59632b2ce9b30a7dd2f02394d5ac171747cf53796"},
    {"dump proxmox", "01c4f6ee4e5587d9f2199b1b0a82ed3143ab167e830ebd376c681ef7f6ae3a70"},
    {"dump proxmox here", "8d315d3d82c8500e8060e402769ca9f489da44a5d674ee100753228dc5d2a66d"},
    {"dump vm", "45d9912cf421b7d94dbf243ec1b8f5d07eba7f719f3e3e9494a1cfe5851c2f15"},
    {"dump vm here", "f5fd79f1558deec5f63cc84f5a7992d8f5f11dc3fda12dbe161572e92799c1fe"},
    {"facts", "d0ae6ddd08a2ce89c416df2ba56dca8ee378e2b9a9d5c8b325b49d0e7362c836"},
    {"facts and installation", "1e51f81671c22d890a967c05667a6fc6d73a9de29c2cd97e678f1db2262ae681"},
    {"guest proxmox", "837316f18e0107325e813e1f3439960e0abf47b86dc1148cf7334e43c415fd90"},
    {"guest proxmox here", "96c8ce9c43d4ccaabbe052764a0ab6c3da6a8c1996291ea68cdc2a0dbed4decc"},
    {"guest vm", "00f9e8f35922cdf1ba7c54e094f4cd9ade21c08a23cc3414f1911070f0c9eb1d"},
    {"guest vm here", "62e5b8b355f0d30d73d67f6206587921a8076c85a7601081ad2434f77aac98c5"},
    {"hashes", "91c8d5129d0816d46207f200ac48ccdbc128b18b2138e595ac4cfed37c11b710"},
    {"hashes here", "33100e305da096721904925d923471205f8caa9364b1ee163f86ef550557af42"},
    {"hook", "e75063df35d0a9894fe3bb2068f488edba74d3bf7a8ac140cf21622bf565feb1"},
    {"links", "4bea94575257a68b2850d7c7d423e42eba9f338734d74cc55b1eaf171d4f637a"},
    {"load globals mysql", "7c2bb41019ef1609cf169b967a1df3b5d13f54b822183924750116e509d8c8ec"},
    {"load globals mysql here", "348ada9c994749a4419187c57887f11af9a70f65a6cc38bb4d1a0f20c46d1527"},
    {"load globals postgresql", "505f0717048ebb07f41e4355a9811fe3eb8fc20938b66a71bffed7f3ea09e644"},
    {"load globals postgresql here", "415b647e36dcabf2e6779fd96c944b9ed8d5fd27c88ecff8984e181515e4ec22"},
    {"load mysql", "fd9c5f0842d42c544672db804767ac2cf2977e659c9b689ac20cb2340fb582a8"},
    {"load mysql here", "e2d6d888b84067a6556603dc756003ac280d2922a796963de577797feb744045"},
    {"load postgresql", "4a4c83a0dd3315d481ac170970b25916d2e2c52a065e983ef4082ba5ab00febf"},
    {"load postgresql here", "94f600fbd565a769c1c19d6d2f724a11a3698374672e7770e3ac4da3ea69f363"},
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
  std::map<std::string, std::string> now;
  for (const auto& [name, text] : test::every_script()) now[name] = sha256(text);
  EXPECT_EQ(now, kRecorded);
}

}  // namespace
}  // namespace cyborg
