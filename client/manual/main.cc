// SPDX-License-Identifier: GPL-3.0-or-later
// Fills the lists of properties into a manual page: replaces each line .\" @properties KIND@ of standard
// input by the list of settable properties of this kind of object.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <string>

#include "core/properties.h"

namespace {

using namespace cyborg;

// Escapes text for troff.
std::string escaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("…")) {
      result += "\\&...";
      i += std::string_view{"…"}.size() - 1;
    } else if (text[i] == '-') {
      result += "\\-";
    } else if (text[i] == '\\') {
      result += "\\e";
    } else if (text[i] == '\'') {
      result += "\\(aq";
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string plain_option(const PropertyInfo& property) {
  std::string option = "--" + std::string{property.key};
  std::ranges::replace(option, '_', '-');
  return option;
}

void print(const PropertyInfo& property) {
  std::string heading = "\\fB" + escaped(property.key) + "\\fR";
  if (property.option.empty()) {
    heading += " (no option of \\fBadd\\fR)";
  } else if (property.option != plain_option(property)) {
    heading += " (\\fB" + escaped(property.option) + "\\fR)";
  }
  if (!property.can_be_set()) heading += ", when it is added";
  std::cout << ".TP\n" << heading << "\n\\&" << escaped(property.sentence) << "\n";
}

bool fill(const std::string& name) {
  const auto kind = std::ranges::find(kObjectKinds, name, [](ObjectKind one) { return to_string(one); });
  if (kind == kObjectKinds.end()) return false;
  for (const auto& property : properties_of(*kind)) {
    if (property.can_be_added()) print(property);
  }
  return true;
}

}  // namespace

int main() {
  constexpr std::string_view kBegin = ".\\\" @properties ";
  std::size_t filled = 0;
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.starts_with(kBegin)) {
      std::cout << line << '\n';
    } else if (fill(line.substr(kBegin.size(), line.size() - kBegin.size() - 1))) {
      ++filled;
    } else {
      std::cerr << line << ": there is no such kind of object\n";
      return 1;
    }
  }
  if (filled == kObjectKinds.size()) return 0;
  std::cerr << "not each kind of object has its list\n";
  return 1;
}
