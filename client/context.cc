// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/context.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "client/format/text.h"

namespace cyborg::client {

Connection& Context::bus() {
  if (!connection_) connection_ = std::make_unique<Connection>(isatty(STDIN_FILENO) && !no_ask_password);
  return *connection_;
}

bool Context::colour() const {
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

bool Context::live() const {
  return isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) && !quiet && !json;
}

std::uint64_t Context::now() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

void Context::print(const std::string& text) const {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void Context::say(const std::string& text) const {
  if (!quiet && !json) print(printable(text) + '\n');
}

void Context::print_records(const std::vector<Column>& columns, const std::vector<Json::Value>& records,
                            const std::string& key, bool sparse) const {
  if (json) {
    Json::Value list(Json::arrayValue);
    for (const auto& record : records) list.append(record);
    print_json(list);
  } else if (quiet) {
    for (const auto& record : records) print(printable(record[key].asString()) + '\n');
  } else {
    print(table_of(columns, records, now(), colour(), sparse));
  }
}

void Context::print_record(const Json::Value& record) const {
  if (json) {
    print_json(record);
  } else {
    print(page_of(record, now(), colour()));
  }
}

}  // namespace cyborg::client
