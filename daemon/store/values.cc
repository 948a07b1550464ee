#include "store/values.h"

#include <json/reader.h>
#include <json/writer.h>

#include <charconv>
#include <memory>

namespace cyborg::store {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

template <typename Number>
void parse_number(std::string_view text, Number& value) {
  value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
}

// Reads an array literal of one dimension: {a,"b \"c\"",d}.
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

// The length of the well-formed UTF-8 sequence at the start of text, 0 if there is none. NUL is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead == 0) return 0;
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what is beyond U+10FFFF show in the second byte.
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;
  if (lead == 0xed && byte(1) > 0x9f) return 0;
  if (lead == 0xf0 && byte(1) < 0x90) return 0;
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
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

std::string storable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    clean += length ? text.substr(0, length) : kReplacement;
    text.remove_prefix(length ? length : 1);
  }
  return clean;
}

Json::Value storable_json(const Json::Value& value) {
  if (value.isString()) return storable(value.asString());
  if (value.isArray()) {
    Json::Value clean{Json::arrayValue};
    for (const auto& item : value) clean.append(storable_json(item));
    return clean;
  }
  if (value.isObject()) {
    Json::Value clean{Json::objectValue};
    for (const auto& name : value.getMemberNames()) {
      clean[storable(name)] = storable_json(value[name]);
    }
    return clean;
  }
  return value;
}

}  // namespace cyborg::store
