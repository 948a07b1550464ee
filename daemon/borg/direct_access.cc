// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/direct_access.h"

#include <fmt/format.h>

#include <algorithm>

#include "borg/command.h"
#include "core/quote.h"
#include "core/repository_url.h"

namespace cyborg {
namespace {

constexpr std::string_view kKeyType = "ssh-ed25519";
// Such keys in base64 always have 68 characters, and begin with their type and the length of the rest.
constexpr std::string_view kKeyBegin = "AAAAC3NzaC1lZDI1NTE5AAAAI";
constexpr std::size_t kKeySize = 68;

bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

}  // namespace

bool goes_direct(const Repository& repository, const Client& client) {
  return repository.transport == "direct" && !client.local;
}

bool is_authorized(const Repository& repository, const BorgRepository& one) {
  if (one.direct.key.empty() || repository.host_public_key.empty()) return false;
  const auto location = parse_repository_url(one.url);
  if (!location) return false;
  const auto line =
      authorized_line({one.client, repository.name, location->path, repository.append_only, one.direct.key});
  return line && *line == one.direct.line;
}

Expected<std::string> parse_public_key(std::string_view printed) {
  if (printed.ends_with('\n')) printed.remove_suffix(1);
  const std::string_view type = printed.substr(0, printed.find(' '));
  const std::string_view key = type.size() < printed.size() ? printed.substr(type.size() + 1) : "";
  if (type != kKeyType || key.size() != kKeySize || !key.starts_with(kKeyBegin) ||
      !std::ranges::all_of(key, is_base64)) {
    return fail(ErrorCode::failed, "it is no public key of the kind ssh-ed25519");
  }
  return std::string{printed};
}

std::string quote_option(std::string_view text) {
  // sshd knows only this escape; any other backslash is literal.
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

Expected<std::string> authorized_line(const KeyGrant& grant) {
  const auto key = parse_public_key(grant.key);
  if (!key) return std::unexpected(key.error());
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(grant.path, is_control)) {
    return fail(
        ErrorCode::failed,
        fmt::format("the path \"{}\" cannot be in authorized_keys: it has control characters", grant.path));
  }
  JobSpec spec;
  spec.repository_path = grant.path;
  spec.append_only = grant.append_only;
  return fmt::format("command={},restrict {} cyborg:{}:{}",
                     quote_option(quote_where_needed(borg_serve(spec))), *key, grant.client,
                     grant.repository);
}

KeyGrant key_grant(const JobSpec& spec, std::string key) {
  return {spec.client, spec.repository, spec.repository_path, spec.append_only, std::move(key)};
}

}  // namespace cyborg
