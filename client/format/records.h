// SPDX-License-Identifier: GPL-3.0-or-later
// Records (JSON objects with snake_case keys) as tables and as pages.
#pragma once

#include <json/value.h>

#include <cstdint>
#include <string>
#include <vector>

#include "client/format/table.h"

namespace cyborg::client {

// HostKey and host_key become host_key; the keys of an object's own values are not changed.
std::string snake_case(const std::string& name);
Json::Value with_snake_keys(const Json::Value& record);

// Renders a value by the meaning of its key, which is the same everywhere: times, sizes, spans, states. "-"
// stands for empty or never. full: also absolute times.
Cell render(const std::string& key, const Json::Value& value, std::uint64_t now, bool full = false);

struct Column {
  std::string title;
  std::string key;
};

// sparse: leaves out columns that are empty in all records.
std::string table_of(const std::vector<Column>& columns, const std::vector<Json::Value>& records,
                     std::uint64_t now, bool colour, bool sparse = false);
std::string page_of(const Json::Value& record, std::uint64_t now, bool colour);

// Pretty JSON with a final newline, in ASCII: characters that could disturb a terminal are escaped.
std::string json_text(const Json::Value& json);

}  // namespace cyborg::client
