// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/repository_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace cyborg {
namespace {

constexpr std::string_view kPlaceholder = "{client}";
constexpr std::string_view kForms =
    "use /path (on the server), user@host:path or ssh://user@host:port/path; {client} stands for the "
    "client's name";

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::unexpected<Error> bad_url(std::string_view url, std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("repository url \"{}\": {}", url, why),
              std::string{kForms});
}

Expected<int> parse_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535) {
    return fail(ErrorCode::invalid_argument, fmt::format("port \"{}\" is not in 1-65535", text));
  }
  return port;
}

Expected<std::string> checked_path(std::string_view url, std::string_view path) {
  if (path.empty() || path == "/") return bad_url(url, "the path is missing");
  if (std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return bad_url(url, "the path has control characters");
  }
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (path.substr(at, slash - at) == "..") return bad_url(url, "the path has a \"..\"");
    at = slash + 1;
  }
  return std::string{path};
}

Expected<RepositoryLocation> parse_ssh_url(std::string_view url) {
  const std::string_view rest = url.substr(std::string_view{"ssh://"}.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return bad_url(url, "the path is missing");
  auto host = parse_ssh_target(rest.substr(0, slash), "");
  if (!host) return bad_url(url, host.error().message);
  std::string_view path = rest.substr(slash);
  if (path.starts_with("/./")) path.remove_prefix(3);
  auto checked = checked_path(url, path);
  if (!checked) return std::unexpected(checked.error());
  return RepositoryLocation{*host, *checked};
}

}  // namespace

bool is_valid_host(std::string_view host) {
  // No leading '-': programs that take a host on their command line would see an option.
  return !host.empty() && host.size() <= 253 && host.front() != '-' && std::ranges::all_of(host, [](char c) {
    return is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':';
  });
}

bool is_valid_user(std::string_view user) {
  return !user.empty() && user.size() <= 64 && user.front() != '-' &&
         std::ranges::all_of(user, [](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; });
}

bool has_client_placeholder(std::string_view url) {
  return url.find(kPlaceholder) != std::string_view::npos;
}

std::string expand_url(std::string_view url, std::string_view client) {
  std::string expanded{url};
  for (std::size_t at = 0; (at = expanded.find(kPlaceholder, at)) != std::string::npos; at += client.size()) {
    expanded.replace(at, kPlaceholder.size(), client);
  }
  return expanded;
}

Expected<SshTarget> parse_ssh_target(std::string_view text, std::string_view default_user) {
  SshTarget target;
  target.user = default_user;
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    target.user = rest.substr(0, at);
    if (!is_valid_user(target.user)) {
      return fail(ErrorCode::invalid_argument, fmt::format("user \"{}\" is not a user name", target.user));
    }
    rest.remove_prefix(at + 1);
  }
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) return fail(ErrorCode::invalid_argument, "a \"]\" is missing");
    port = rest.substr(close + 1);
    rest = rest.substr(1, close - 1);
    if (!port.empty() && port.front() != ':')
      return fail(ErrorCode::invalid_argument, "after \"]\" comes \":port\"");
  } else if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    port = rest.substr(colon);
    rest = rest.substr(0, colon);
  }
  if (!is_valid_host(rest)) {
    return fail(ErrorCode::invalid_argument, fmt::format("host \"{}\" is not a host name or address", rest));
  }
  target.address = rest;
  if (!port.empty()) {
    const auto number = parse_port(port.substr(1));
    if (!number) return std::unexpected(number.error());
    target.port = *number;
  }
  return target;
}

Expected<RepositoryLocation> parse_repository_url(std::string_view url) {
  if (url.empty() || url.size() > 1024) return bad_url(url, "it is empty or longer than 1024 bytes");
  // The placeholder's braces are allowed in a path only.
  const std::string plain = expand_url(url, "client");
  if (plain.find_first_of("{}") != std::string::npos) return bad_url(url, "the only placeholder is {client}");
  if (url.starts_with('/')) {
    auto path = checked_path(url, url);
    if (!path) return std::unexpected(path.error());
    return RepositoryLocation{SshTarget{}, *path};
  }
  if (url.starts_with("ssh://")) return parse_ssh_url(url);
  if (url.find("://") != std::string_view::npos) return bad_url(url, "only ssh:// is known");
  const std::size_t colon = url.find(':');
  if (colon == std::string_view::npos || url.find('/') < colon)
    return bad_url(url, "it is neither absolute nor user@host:path");
  auto host = parse_ssh_target(url.substr(0, colon), "");
  if (!host) return bad_url(url, host.error().message);
  auto path = checked_path(url, url.substr(colon + 1));
  if (!path) return std::unexpected(path.error());
  return RepositoryLocation{*host, *path};
}

namespace {

std::vector<std::string> path_parts(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (const auto part = path.substr(at, slash - at); !part.empty() && part != ".") parts.push_back(part);
    at = slash + 1;
  }
  return parts;
}

// Whether the part of a path expands to the name for some client.
bool is_for_some_client(std::string_view part, std::string_view name, const ClientNames& clients) {
  const std::size_t at = part.find(kPlaceholder);
  if (at == std::string_view::npos) return part == name;
  const auto end = part.substr(at + kPlaceholder.size());
  if (name.size() < at + end.size()) return false;
  const auto client = std::string{name.substr(at, name.size() - at - end.size())};
  return clients.contains(client) && expand_url(part, client) == name;
}

bool may_be_equal(const std::string& a, const std::string& b, const ClientNames& clients) {
  if (a == b) return true;
  if (!has_client_placeholder(a)) return is_for_some_client(b, a, clients);
  if (!has_client_placeholder(b)) return is_for_some_client(a, b, clients);
  return std::ranges::any_of(
      clients, [&](const auto& client) { return is_for_some_client(a, expand_url(b, client), clients); });
}

}  // namespace

Places compare_places(std::string_view a, std::string_view b, const ClientNames& clients) {
  const auto first = parse_repository_url(a), second = parse_repository_url(b);
  if (!first || !second) return a == b ? Places::same : Places::apart;
  const bool absolute = first->path.starts_with('/');
  const bool one_machine =
      first->host.address == second->host.address && first->host.port == second->host.port &&
      absolute == second->path.starts_with('/') && (absolute || first->host.user == second->host.user);
  if (!one_machine) return Places::apart;
  const auto left = path_parts(first->path), right = path_parts(second->path);
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (!may_be_equal(left[i], right[i], clients)) return Places::apart;
  }
  if (left.size() == right.size()) return Places::same;
  return left.size() > right.size() ? Places::first_inside : Places::second_inside;
}

}  // namespace cyborg
