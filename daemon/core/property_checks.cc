// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/property_checks.h"

#include <algorithm>
#include <regex>

#include "core/fields.h"
#include "core/repository_url.h"

namespace cyborg {
namespace {

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

std::string_view check_object_name(const std::string& name) {
  return is_valid_name(name) ? "" : "an object's name (a-z, 0-9, \".\", \"_\", \"-\")";
}

std::string_view check_optional_name(const std::string& name) {
  return name.empty() ? "" : check_object_name(name);
}

std::string_view check_host(const std::string& host) {
  return host.empty() || is_valid_host(host) ? "" : "a host name or an address";
}

std::string_view check_user(const std::string& user) {
  return is_valid_user(user) ? "" : "a user name";
}

std::string_view check_jump(const std::string& jump) {
  return jump.empty() || parse_ssh_target(jump, "") ? "" : "[user@]host[:port]";
}

std::string_view check_host_key(const std::string& key) {
  static const std::regex form{"SHA256:[A-Za-z0-9+/]{43}"};
  return key.empty() || std::regex_match(key, form)
             ? ""
             : "SHA256: and 43 characters, as ssh-keygen -lf prints it";
}

std::string_view check_timezone(const std::string& zone) {
  static const std::regex form{"[A-Za-z][A-Za-z0-9_+/-]*"};
  return zone.empty() || std::regex_match(zone, form) ? ""
                                                      : "a name of the tz database such as Europe/Berlin";
}

std::string_view check_compression(const std::string& compression) {
  static const std::regex form{"none|(auto,)?(lz4|(zstd(,([1-9]|1[0-9]|2[0-2]))?)|((zlib|lzma)(,[0-9])?))"};
  return std::regex_match(compression, form)
             ? ""
             : "none, lz4, zstd[,1-22], zlib[,0-9], lzma[,0-9], or auto,… of these";
}

std::vector<std::string> encryption_modes() {
  return {"repokey-blake2", "repokey", "authenticated-blake2", "authenticated", "none"};
}

std::string_view check_encryption(const std::string& mode) {
  if (mode == "keyfile" || mode == "keyfile-blake2") {
    return "a mode that keeps its key in the repository, since clients hold no key: repokey or "
           "repokey-blake2";
  }
  return contains(encryption_modes(), mode) ? "" : "none, authenticated[-blake2] or repokey[-blake2]";
}

std::vector<std::string> transports() {
  return {"relay", "direct"};
}

std::string_view check_transport(const std::string& transport) {
  return contains(transports(), transport)
             ? ""
             : "relay (the client's borg speaks through the server's ssh connection) or direct (it connects "
               "to the repository host itself)";
}

std::vector<std::string> authorizers() {
  return {"automatic", "manual"};
}

std::string_view check_authorize(const std::string& who) {
  return contains(authorizers(), who) ? "" : "automatic or manual";
}

std::vector<std::string> restore_conflicts() {
  return {"overwrite", "keep", "rename", "fail"};
}

std::string_view check_canary(const std::string& path) {
  const bool good = path.starts_with('/') && path.size() > 1 && !path.ends_with('/') &&
                    path.find("/../") == std::string::npos && !path.ends_with("/..");
  return good ? "" : "the absolute path of a file";
}

std::string_view check_exclude(const std::string& pattern) {
  return pattern.empty() ? "a pattern" : "";
}

}  // namespace cyborg
