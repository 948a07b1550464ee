// SPDX-License-Identifier: GPL-3.0-or-later
// The state shared by all commands: the global options, the bus, and the output.
#pragma once

#include <json/value.h>

#include <memory>
#include <string>
#include <vector>

#include "client/bus/connection.h"
#include "client/format/records.h"

namespace cyborg::client {

struct Context {
  bool json = false;
  bool quiet = false;
  bool no_ask_password = false;
  int status = kDone;  // for a command that completed, but with an unsuccessful result

  Connection& bus();

  bool colour() const;  // whether standard output is a terminal, and NO_COLOR is not set
  bool live() const;    // both outputs are a terminal: there may be a progress bar
  std::uint64_t now() const;

  void print(const std::string& text) const;  // prints to standard output, unchanged
  // Prints a line, unless --quiet or --json.
  void say(const std::string& text) const;
  void print_json(const Json::Value& value) const { print(json_text(value)); }
  // Prints a table, or with --json an array, or with --quiet one `key` per line.
  void print_records(const std::vector<Column>& columns, const std::vector<Json::Value>& records,
                     const std::string& key = "name", bool sparse = false) const;
  void print_record(const Json::Value& record) const;

 private:
  std::unique_ptr<Connection> connection_;
};

}  // namespace cyborg::client
