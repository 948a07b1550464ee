// Records (JSON objects with snake_case keys) as tables and as pages.
#pragma once

#include <json/value.h>

#include <cstdint>
#include <string>
#include <vector>

#include "client/format/table.h"

namespace cyborg::client {

// HostKey, host_key → host_key; the keys of an object's own values are left alone.
std::string snake_case(const std::string& name);
Json::Value with_snake_keys(const Json::Value& record);

// By the meaning that the key has everywhere: times, sizes, spans, states. "-" for what is empty or never.
// full: absolute times, too.
Cell render(const std::string& key, const Json::Value& value, std::uint64_t now, bool full = false);

struct Column {
  std::string title;
  std::string key;
};

// A column that no record has is left out if sparse.
std::string table_of(const std::vector<Column>& columns, const std::vector<Json::Value>& records,
                     std::uint64_t now, bool colour, bool sparse = false);
std::string page_of(const Json::Value& record, std::uint64_t now, bool colour);

// Pretty JSON with a final newline, ASCII only: what a terminal could trip over is escaped.
std::string json_text(const Json::Value& json);

}  // namespace cyborg::client
