// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/table.h"

#include <algorithm>

#include "client/format/text.h"

namespace cyborg::client {
namespace {

const char* code_of(Style style) {
  switch (style) {
    case Style::plain:
      return "";
    case Style::good:
      return "\x1b[32m";
    case Style::attention:
      return "\x1b[33m";
    case Style::bad:
      return "\x1b[1;31m";
    case Style::faint:
      return "\x1b[2m";
  }
  return "";
}

}  // namespace

std::string styled(const std::string& text, Style style, bool colour) {
  if (!colour || style == Style::plain || text.empty()) return text;
  return code_of(style) + text + "\x1b[0m";
}

std::string Table::text(bool colour) const {
  if (rows_.empty()) return {};
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < titles_.size(); ++column) {
    auto width = display_width(titles_[column]);
    for (const auto& row : rows_) width = std::max(width, display_width(row[column].text));
    widths.push_back(width);
  }
  std::string result;
  const auto append = [&](std::size_t column, const std::string& text, Style style) {
    result += styled(text, style, colour);
    if (column + 1 == titles_.size()) {
      result += '\n';
    } else {
      result.append(widths[column] - display_width(text) + 2, ' ');
    }
  };
  for (std::size_t column = 0; column < titles_.size(); ++column)
    append(column, titles_[column], Style::plain);
  for (const auto& row : rows_) {
    for (std::size_t column = 0; column < row.size(); ++column)
      append(column, row[column].text, row[column].style);
  }
  return result;
}

std::string aligned_pairs(const std::vector<std::pair<std::string, Cell>>& pairs, bool colour) {
  std::size_t width = 0;
  for (const auto& pair : pairs) width = std::max(width, display_width(pair.first));
  std::string result;
  for (const auto& [key, cell] : pairs) {
    result.append(width - display_width(key), ' ');
    result += key + ": " + styled(cell.text, cell.style, colour) + '\n';
  }
  return result;
}

}  // namespace cyborg::client
