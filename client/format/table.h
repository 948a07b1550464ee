// SPDX-License-Identifier: GPL-3.0-or-later
// Aligned columns, like those of systemctl.
#pragma once

#include <string>
#include <vector>

namespace cyborg::client {

enum class Style { plain, good, attention, bad, faint };

struct Cell {
  std::string text;
  Style style = Style::plain;
};

std::string styled(const std::string& text, Style style, bool colour);

class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}

  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  // Returns an empty text if there are no rows.
  std::string text(bool colour) const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<Cell>> rows_;
};

// "    Key: value" lines, aligned at the colons.
std::string aligned_pairs(const std::vector<std::pair<std::string, Cell>>& pairs, bool colour);

}  // namespace cyborg::client
