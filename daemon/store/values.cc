// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/values.h"

#include <json/reader.h>
#include <json/writer.h>

#include <charconv>
#include <memory>

#include "core/utf8.h"

namespace cyborg::store {
namespace {

template <typename Number>
void parse_number(std::string_view text, Number& value) {
  value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
}

// Parses an array literal of one dimension: {a,"b \"c\"",d}.
std::vector<std::string> parse_array(std::string_view text) {
  std::vector<std::string> items;
  if (text.size() < 2 || text == "{}") return items;
  text = text.substr(1, text.size() - 2);
  std::string item;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      item += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      items.push_back(std::move(item));
      item.clear();
    } else {
      item += c;
    }
  }
  items.push_back(std::move(item));
  return items;
}

int hex_digit(char c) {
  return c >= 'a' ? c - 'a' + 10 : c - '0';
}

}  // namespace

void Params::add(const std::vector<std::string>& values) {
  std::string literal = "{";
  for (const auto& value : values) {
    if (literal.size() > 1) literal += ',';
    literal += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') literal += '\\';
      literal += c;
    }
    literal += '"';
  }
  add(literal + '}');
}

void Params::add(const std::vector<std::int64_t>& values) {
  std::string literal = "{";
  for (const auto value : values) {
    if (literal.size() > 1) literal += ',';
    literal += std::to_string(value);
  }
  add(literal + '}');
}

void Params::add(const Json::Value& value) {
  add(to_text(value));
}

void from_text(std::string_view text, std::string& value) {
  value = text;
}
void from_text(std::string_view text, Bytes& value) {
  value.data.clear();
  if (!text.starts_with("\\x")) return;
  value.data.reserve(text.size() / 2 - 1);
  for (std::size_t i = 2; i + 1 < text.size(); i += 2) {
    value.data += static_cast<char>(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
  }
}
void from_text(std::string_view text, bool& value) {
  value = text == "t";
}
void from_text(std::string_view text, int& value) {
  parse_number(text, value);
}
void from_text(std::string_view text, std::int64_t& value) {
  parse_number(text, value);
}
void from_text(std::string_view text, std::chrono::seconds& value) {
  std::int64_t count = 0;
  parse_number(text, count);
  value = std::chrono::seconds{count};
}
void from_text(std::string_view text, JobKind& value) {
  parse(text, value);
}
void from_text(std::string_view text, JobState& value) {
  parse(text, value);
}
void from_text(std::string_view text, std::vector<std::string>& value) {
  value = parse_array(text);
}
void from_text(std::string_view text, std::vector<std::int64_t>& value) {
  value.clear();
  for (const auto& item : parse_array(text)) from_text(item, value.emplace_back());
}
void from_text(std::string_view text, Json::Value& value) {
  const std::unique_ptr<Json::CharReader> reader{Json::CharReaderBuilder{}.newCharReader()};
  if (!reader->parse(text.data(), text.data() + text.size(), &value, nullptr)) {
    value = Json::Value{Json::objectValue};
  }
}

std::string to_text(const Json::Value& value) {
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "";
  builder["emitUTF8"] = true;
  return Json::writeString(builder, value);
}

Json::Value storable_json(const Json::Value& value) {
  if (value.isString()) return to_clean_utf8(value.asString());
  if (value.isArray()) {
    Json::Value clean{Json::arrayValue};
    for (const auto& item : value) clean.append(storable_json(item));
    return clean;
  }
  if (value.isObject()) {
    Json::Value clean{Json::objectValue};
    for (const auto& name : value.getMemberNames()) {
      clean[to_clean_utf8(name)] = storable_json(value[name]);
    }
    return clean;
  }
  return value;
}

}  // namespace cyborg::store
