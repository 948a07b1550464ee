// SPDX-License-Identifier: GPL-3.0-or-later
// Things on a client that could be backed up: the script that finds them, and its output.
#pragma once

#include <json/value.h>

#include <string>
#include <string_view>

namespace cyborg {

// A part of a script that prints "found=KIND SIZE NAME" for each: a mount with its used bytes, a home
// directory, a mail spool, a database (postgresql, mysql), a guest (vm, proxmox). A size of 0 is
// unknown. An empty name: there is a server that did not list its databases. Changes nothing, and never
// fails.
std::string discover_part();

// Parses such a line to a record: kind, name, size. Null if it is malformed.
Json::Value read_found(std::string_view value);

}  // namespace cyborg
