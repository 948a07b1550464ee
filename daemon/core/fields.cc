// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/fields.h"

#include <fmt/format.h>
#include <json/writer.h>

#include <algorithm>

#include "core/calendar.h"
#include "core/quota.h"
#include "core/utf8.h"

namespace cyborg {
namespace {

std::string shown(const Json::Value& value) {
  if (value.isString()) return value.asString();
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "";
  return Json::writeString(builder, value);
}

}  // namespace

const Json::Value* Fields::find(const char* key) {
  known_.insert(key);
  return json_.isMember(key) ? &json_[key] : nullptr;
}

void Fields::refuse(Error error) {
  errors_.push_back(std::move(error));
}

void Fields::refuse(const char* key, std::string_view value, std::string_view expected) {
  refuse(Error{ErrorCode::invalid_argument, fmt::format("{} \"{}\": expected {}", key, value, expected), {}});
}

void Fields::text(const char* key, std::string& value, const Check& check) {
  const Json::Value* field = find(key);
  if (!field) return;
  if (!field->isString()) return refuse(key, shown(*field), "a text");
  std::string text = field->asString();
  if (auto fits = check_quota(Quota::text, text.size(), key); !fits) return refuse(fits.error());
  if (has_control_characters(text) || !is_valid_utf8(text))
    return refuse(key, text, "text without control characters");
  if (check) {
    if (const std::string_view expected = check(text); !expected.empty()) return refuse(key, text, expected);
  }
  value = std::move(text);
}

void Fields::flag(const char* key, bool& value) {
  const Json::Value* field = find(key);
  if (!field) return;
  if (!field->isBool()) return refuse(key, shown(*field), "true or false");
  value = field->asBool();
}

void Fields::number(const char* key, std::int64_t& value, std::int64_t least, std::int64_t most) {
  const Json::Value* field = find(key);
  if (!field) return;
  if (!field->isInt64() || field->asInt64() < least || field->asInt64() > most) {
    return refuse(key, shown(*field), fmt::format("a number in {}-{}", least, most));
  }
  value = field->asInt64();
}

void Fields::list(const char* key, std::vector<std::string>& values, const Check& check) {
  const Json::Value* field = find(key);
  if (!field) return;
  Json::Value items = *field;
  // A single text is a list with one item, as a person would write it.
  if (items.isString()) {
    items = Json::Value{Json::arrayValue};
    items.append(*field);
  }
  if (!items.isArray()) return refuse(key, shown(*field), "a list of texts");
  if (auto fits = check_quota(Quota::list, items.size(), key); !fits) return refuse(fits.error());
  std::vector<std::string> texts;
  std::set<std::string, std::less<>> seen;
  for (const auto& item : items) {
    if (!item.isString()) return refuse(key, shown(item), "a text");
    std::string text = item.asString();
    if (auto fits = check_quota(Quota::text, text.size(), key); !fits) return refuse(fits.error());
    if (!is_valid_utf8(text) || text.find('\0') != std::string::npos) return refuse(key, text, "valid UTF-8");
    if (check) {
      if (const std::string_view expected = check(text); !expected.empty())
        return refuse(key, text, expected);
    }
    if (seen.insert(text).second) texts.push_back(std::move(text));
  }
  values = std::move(texts);
}

void Fields::object(const char* key, Json::Value& value) {
  const Json::Value* field = find(key);
  if (!field) return;
  if (!field->isObject()) return refuse(key, shown(*field), "an object of variables");
  if (auto fits = check_quota(Quota::variables, shown(*field).size(), key); !fits)
    return refuse(fits.error());
  value = *field;
}

bool Fields::objects(const char* key, Json::Value& list) {
  const Json::Value* field = find(key);
  if (!field) return false;
  if (!field->isArray()) {
    refuse(key, shown(*field), "a list of objects");
    return false;
  }
  list = *field;
  return true;
}

void Fields::span(const char* key, std::string& text, std::chrono::seconds& seconds) {
  const Json::Value* field = find(key);
  if (!field) return;
  if (!field->isString()) return refuse(key, shown(*field), "a time span such as \"10min\"");
  const std::string written = field->asString();
  if (written.empty()) {
    text.clear();
    seconds = std::chrono::seconds{0};
    return;
  }
  const auto parsed = parse_time_span(written);
  if (!parsed) return refuse(key, written, "a time span such as \"10min\" or \"2h 30min\"");
  text = written;
  seconds = *parsed;
}

Expected<void> Fields::finish() const {
  if (!errors_.empty()) return std::unexpected(errors_.front());
  for (const auto& key : json_.getMemberNames()) {
    if (!known_.contains(key)) {
      return fail(ErrorCode::invalid_argument, fmt::format("unknown field \"{}\"", key),
                  fmt::format("the fields are: {}", fmt::join(known_, ", ")));
    }
  }
  return {};
}

bool is_valid_name(std::string_view name) {
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 63 && is_word(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_word(c) || c == '.' || c == '_' || c == '-'; });
}

Expected<void> check_name(std::string_view kind, std::string_view name) {
  if (is_valid_name(name)) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format(
          "{} name \"{}\": expected a-z, 0-9, \".\", \"_\" and \"-\", a letter or digit first, at most 63",
          kind, name));
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace cyborg
