// What was found on a client that could be backed up, and what of it no policy covers. Pure.
#pragma once

#include <string>
#include <vector>

#include "core/plan.h"

namespace cyborg {

// A script's part that prints "found=KIND SIZE NAME" for each thing: a mount with the bytes that are used on
// it, a home directory, a mail spool, a database (postgresql, mysql), a guest (vm, proxmox). A size of 0 is
// unknown. An empty name: there is such a server, and it did not say what it has. Changes nothing, and never
// fails.
std::string discover_part();

// One of these lines as a record: kind, name, size. Null if it is something else.
Json::Value read_found(std::string_view value);

// A row for each: kind, name, size, protected (yes, partly or no), policies, and for what is not protected a
// command that would do it. `facts` are those of the client's preparation.
std::vector<Json::Value> discover_rows(const Fleet& fleet, const std::string& client,
                                       const Json::Value& facts);

}  // namespace cyborg
