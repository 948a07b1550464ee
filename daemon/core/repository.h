// SPDX-License-Identifier: GPL-3.0-or-later
// A repository: the location of borg repositories.
#pragma once

#include "core/property.h"
#include "core/property_checks.h"

namespace cyborg {

struct Repository {
  std::string name;
  bool enabled = true;
  std::string url;  // may contain {client}: then each client has its own borg repository
  std::string encryption = "repokey-blake2";
  std::string transport = "relay";
  bool append_only = false;
  bool shared = false;   // takes several clients although the URL has no {client}
  std::string host_key;  // SHA256:… of the repository host
  // Maintenance on schedules of its own: their names, empty for none.
  std::string check_schedule, verify_schedule, compact_schedule;
  // A time span as written: the duration of each partial check; empty: complete checks.
  std::string check_max_duration;
  std::chrono::seconds check_max_duration_seconds{0};
  bool check_verify_data = false;  // checks read and authenticate all data
  // The key of this hash, once it was seen: "ssh-ed25519 AAAA…".
  std::string host_public_key;
  // How clients' keys get onto the host (direct): automatic or manual.
  std::string authorize = "automatic";
};

template <>
inline constexpr ObjectKind kKind<Repository> = ObjectKind::repository;
template <>
inline constexpr auto kProperties<Repository> = std::to_array<Property<Repository>>({
    {.key = "name",
     .member = &Repository::name,
     .access = Access::constant,
     .sentence = "its name in cyborgd",
     .heading = "NAME"},
    {.key = "enabled",
     .member = &Repository::enabled,
     .sentence = "whether it, and all that depends on it, may run",
     .option = "",
     .heading = "ENABLED"},
    {.key = "url",
     .member = &Repository::url,
     .access = Access::creation,
     .sentence = "/path on the server, user@host:path or ssh://user@host:port/path; with {client} in it, "
                 "each client gets a borg repository of its own",
     .required = true,
     .option = "URL",
     .heading = "URL"},
    {.key = "encryption",
     .member = &Repository::encryption,
     .access = Access::creation,
     .sentence =
         "borg's mode: none, authenticated, authenticated-blake2, repokey or repokey-blake2 (default)",
     .check = check_encryption,
     .values = encryption_modes,
     .heading = "ENCRYPTION"},
    {.key = "transport",
     .member = &Repository::transport,
     .sentence = "how clients reach it: relay (through the server; the default) or direct (by themselves)",
     .check = check_transport,
     .values = transports,
     .heading = "TRANSPORT"},
    {.key = "authorize",
     .member = &Repository::authorize,
     .sentence = "how clients' keys get onto its host: automatic or manual",
     .check = check_authorize,
     .values = authorizers},
    {.key = "append_only",
     .member = &Repository::append_only,
     .sentence = "clients can add data, but not delete any"},
    {.key = "shared",
     .member = &Repository::shared,
     .sentence = "several clients in one borg repository, without {client} in the URL"},
    {.key = "host_key",
     .member = &Repository::host_key,
     .sentence = "SHA256:… of the key that the repository's host must present",
     .check = check_host_key},
    {.key = "check_schedule",
     .member = Reference<Repository>{&Repository::check_schedule, ObjectKind::schedule},
     .sentence = "check for damage on this schedule"},
    {.key = "verify_schedule",
     .member = Reference<Repository>{&Repository::verify_schedule, ObjectKind::schedule},
     .sentence = "verify on this schedule that its newest archives can be restored"},
    {.key = "compact_schedule",
     .member = Reference<Repository>{&Repository::compact_schedule, ObjectKind::schedule},
     .sentence = "also free the space of removed archives on this schedule"},
    {.key = "check_max_duration",
     .member = Span<Repository>{&Repository::check_max_duration, &Repository::check_max_duration_seconds},
     .sentence = "check in parts of this duration, such as 30min"},
    {.key = "check_verify_data",
     .member = &Repository::check_verify_data,
     .sentence = "checks also read and authenticate all data"},
    {.key = "host_public_key", .member = &Repository::host_public_key, .access = Access::internal},
    {.key = "ready",
     .member = Computed::ready,
     .access = Access::found,
     .sentence = "the clients whose borg repository is prepared",
     .heading = "READY"},
    {.key = "damaged",
     .member = Computed::damaged,
     .access = Access::found,
     .sentence = "the clients in whose borg repository a check found damage"},
});

}  // namespace cyborg
