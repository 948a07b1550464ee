// SPDX-License-Identifier: GPL-3.0-or-later
// A client: a machine that is backed up.
#pragma once

#include "core/property.h"
#include "core/property_checks.h"

namespace cyborg {

struct Client {
  std::string name;
  bool enabled = true;
  bool local = false;   // the server itself, without ssh
  std::string address;  // host name or address; if empty, the client's name
  int port = 22;
  std::string user = "root";
  std::string jump;      // [user@]host[:port]
  std::string host_key;  // SHA256:…
  std::string comment;   // for people
  // facts from the preparation
  bool ready = false;
  std::vector<std::string> addresses;
  std::string operating_system;
  std::string borg_version;
  std::string hostname;
};

template <>
inline constexpr ObjectKind kKind<Client> = ObjectKind::client;
template <>
inline constexpr auto kProperties<Client> = std::to_array<Property<Client>>({
    {.key = "name",
     .member = &Client::name,
     .access = Access::constant,
     .sentence = "its name in cyborgd",
     .heading = "NAME"},
    {.key = "enabled",
     .member = &Client::enabled,
     .sentence = "whether it, and all that depends on it, may run",
     .option = "",
     .heading = "ENABLED"},
    {.key = "ready",
     .member = &Client::ready,
     .access = Access::found,
     .sentence = "its preparation was successful",
     .heading = "READY"},
    {.key = "local",
     .member = &Client::local,
     .access = Access::creation,
     .sentence = "the server itself, without ssh"},
    {.key = "address",
     .member = &Client::address,
     .sentence = "host name or address (default: the name)",
     .check = check_host,
     .heading = "ADDRESS"},
    {.key = "port",
     .member = &Client::port,
     .sentence = "ssh port (default: 22)",
     .least = 1,
     .most = 65535,
     .heading = "PORT"},
    {.key = "user",
     .member = &Client::user,
     .sentence = "user to log in as (default: root); others need sudo",
     .check = check_user,
     .heading = "USER"},
    {.key = "jump",
     .member = &Client::jump,
     .sentence = "jump host, [USER@]HOST[:PORT]",
     .check = check_jump},
    {.key = "host_key",
     .member = &Client::host_key,
     .sentence = "SHA256:… of the key that the machine must present",
     .check = check_host_key},
    {.key = "comment", .member = &Client::comment, .sentence = "a note for people, such as whose it is"},
    {.key = "addresses",
     .member = &Client::addresses,
     .access = Access::found,
     .sentence = "the addresses that it has"},
    {.key = "operating_system",
     .member = &Client::operating_system,
     .access = Access::found,
     .sentence = "its operating system",
     .heading = "SYSTEM"},
    {.key = "borg_version",
     .member = &Client::borg_version,
     .access = Access::found,
     .sentence = "the version of its borg",
     .heading = "BORG"},
    {.key = "hostname",
     .member = &Client::hostname,
     .access = Access::found,
     .sentence = "what it calls itself"},
});

}  // namespace cyborg
