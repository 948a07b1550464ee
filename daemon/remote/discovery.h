// What is on a client that could be backed up: the script that looks, and the lines that it prints.
#pragma once

#include <json/value.h>

#include <string>
#include <string_view>

namespace cyborg {

// A script's part that prints "found=KIND SIZE NAME" for each thing: a mount with the bytes that are used on
// it, a home directory, a mail spool, a database (postgresql, mysql), a guest (vm, proxmox). A size of 0 is
// unknown. An empty name: there is such a server, and it did not say what it has. Changes nothing, and never
// fails.
std::string discover_part();

// One of these lines as a record: kind, name, size. Null if it is something else.
Json::Value read_found(std::string_view value);

}  // namespace cyborg
