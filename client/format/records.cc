// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/records.h"

#include <fmt/format.h>
#include <json/writer.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "client/format/text.h"
#include "core/properties.h"

namespace cyborg::client {
namespace {

enum class Meaning { plain, time, date, size, span, rate, state };

const std::map<std::string_view, Meaning> kMeanings{
    {"created", Meaning::time},
    {"started", Meaning::time},
    {"finished", Meaning::time},
    {"time", Meaning::time},
    {"start", Meaning::time},
    {"end", Meaning::time},
    {"mtime", Meaning::date},
    {"first_created", Meaning::time},
    {"last_created", Meaning::time},
    {"old_mtime", Meaning::date},
    {"new_mtime", Meaning::date},
    {"size", Meaning::size},
    {"old_size", Meaning::size},
    {"new_size", Meaning::size},
    {"last_success", Meaning::time},
    {"last_end", Meaning::time},
    {"next_elapse", Meaning::time},
    {"late_since", Meaning::time},
    {"last_proven", Meaning::time},
    {"last_verify", Meaning::time},
    {"restore_duration", Meaning::span},
    {"bytes", Meaning::size},
    {"original_size", Meaning::size},
    {"compressed_size", Meaning::size},
    {"deduplicated_size", Meaning::size},
    {"duration", Meaning::span},
    {"state", Meaning::state},
    {"last_end_state", Meaning::state},
    {"result", Meaning::state},
    {"last_check", Meaning::time},
    {"last_whole_check", Meaning::time},
    {"last_prune", Meaning::time},
    {"last_verify", Meaning::time},
    {"next_verify", Meaning::time},
    {"verify_state", Meaning::state},
    {"last_compact", Meaning::time},
    {"next_check", Meaning::time},
    {"next_prune", Meaning::time},
    {"next_compact", Meaning::time},
    {"damaged", Meaning::time},
    {"check_state", Meaning::state},
    {"prune_state", Meaning::state},
    {"compact_state", Meaning::state},
    {"check_max_duration", Meaning::span},
    {"missing", Meaning::time},
    {"goes", Meaning::time},
    {"listed", Meaning::time},
};

// The most important keys of an object, shown before the others, which are sorted.
constexpr std::array kFirst{
    "id",      "name",    "enabled", "kind",     "type",     "state",   "reason",     "url",
    "address", "user",    "port",    "policy",   "client",   "clients", "repository", "repositories",
    "archive", "created", "started", "finished", "schedule", "timer",   "keep",       "variables",
};

Style style_of(JobState state) {
  switch (state) {
    case JobState::successful:
      return Style::good;
    case JobState::warning:
    case JobState::canceled:
    case JobState::skipped:
      return Style::attention;
    case JobState::failed:
    case JobState::error:
      return Style::bad;
    case JobState::waiting:
    case JobState::pending:
      return Style::faint;
    case JobState::starting:
    case JobState::running:
      break;
  }
  return Style::plain;
}

std::string compact(const Json::Value& value) {
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "";
  builder["emitUTF8"] = true;
  return printable(Json::writeString(builder, value));
}

std::string joined(const Json::Value& list) {
  std::string result;
  for (const auto& item : list) {
    if (!result.empty()) result += ", ";
    result += item.isString() ? printable(item.asString()) : compact(item);
  }
  return result;
}

// The meanings of objects' properties, from their rows.
std::map<std::string_view, Meaning> property_meanings() {
  std::map<std::string_view, Meaning> meanings;
  for (const ObjectKind kind : kObjectKinds) {
    for (const auto& property : properties_of(kind)) {
      if (property.type == ValueType::span) meanings.emplace(property.key, Meaning::span);
      if (property.type == ValueType::rate) meanings.emplace(property.key, Meaning::rate);
    }
  }
  return meanings;
}

Meaning meaning_of(const std::string& key) {
  static const auto properties = property_meanings();
  if (const auto found = kMeanings.find(key); found != kMeanings.end()) return found->second;
  const auto found = properties.find(key);
  return found != properties.end() ? found->second : Meaning::plain;
}

Cell render_number(Meaning meaning, std::uint64_t value, std::uint64_t now, bool full) {
  if (meaning == Meaning::size) return {human_size(value)};
  if (meaning == Meaning::plain) return {std::to_string(value)};
  if (value == 0) return {"-", Style::faint};
  if (meaning == Meaning::span) return {human_span(value)};
  if (meaning == Meaning::rate) return {human_size(value * 1024) + "/s"};
  if (meaning == Meaning::date) return {human_date(value)};
  const auto relative = relative_time(value, now);
  return {full ? fmt::format("{} ({})", human_time(value), relative) : relative};
}

Cell render_text(Meaning meaning, const std::string& text) {
  if (text.empty()) return {"-", Style::faint};
  if (JobState state{}; meaning == Meaning::state && parse(text, state)) return {text, style_of(state)};
  return {printable(text)};
}

// "host_key" → "Host key"
std::string label_of(const std::string& key) {
  auto label = key;
  std::ranges::replace(label, '_', ' ');
  if (!label.empty() && label[0] >= 'a' && label[0] <= 'z')
    label[0] = static_cast<char>(label[0] - 'a' + 'A');
  return label;
}

}  // namespace

std::string snake_case(const std::string& name) {
  std::string result;
  for (const char c : name) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !result.empty()) result += '_';
    result += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

Json::Value with_snake_keys(const Json::Value& record) {
  Json::Value result(Json::objectValue);
  for (auto member = record.begin(); member != record.end(); ++member)
    result[snake_case(member.name())] = *member;
  return result;
}

Cell render(const std::string& key, const Json::Value& value, std::uint64_t now, bool full) {
  const auto meaning = meaning_of(key);
  switch (value.type()) {
    case Json::booleanValue:
      return {value.asBool() ? "yes" : "no"};
    case Json::stringValue:
      return render_text(meaning, value.asString());
    case Json::arrayValue:
      return value.empty() ? Cell{"-", Style::faint} : Cell{joined(value)};
    case Json::intValue:
    case Json::uintValue:
      if (value.isUInt64()) return render_number(meaning, value.asUInt64(), now, full);
      [[fallthrough]];
    case Json::realValue:
      return {compact(value)};
    case Json::objectValue:
      return value.empty() ? Cell{"-", Style::faint} : Cell{compact(value)};
    case Json::nullValue:
      break;
  }
  return {"-", Style::faint};
}

std::string table_of(const std::vector<Column>& columns, const std::vector<Json::Value>& records,
                     std::uint64_t now, bool colour, bool sparse) {
  std::vector<std::string> titles;
  std::vector<std::string> keys;
  for (const auto& column : columns) {
    const auto has = [&](const Json::Value& record) { return record.isMember(column.key); };
    if (sparse && std::ranges::none_of(records, has)) continue;
    titles.push_back(column.title);
    keys.push_back(column.key);
  }
  Table table(titles);
  for (const auto& record : records) {
    std::vector<Cell> row;
    for (const auto& key : keys) row.push_back(render(key, record[key], now));
    table.add(std::move(row));
  }
  return table.text(colour);
}

std::string page_of(const Json::Value& record, std::uint64_t now, bool colour) {
  std::vector<std::pair<std::string, Cell>> pairs;
  const auto add = [&](const std::string& key) {
    pairs.emplace_back(label_of(key), render(key, record[key], now, true));
  };
  for (const char* key : kFirst) {
    if (record.isMember(key)) add(key);
  }
  for (const auto& key : record.getMemberNames()) {
    if (std::ranges::find(kFirst, key) == kFirst.end()) add(key);
  }
  return aligned_pairs(pairs, colour);
}

std::string json_text(const Json::Value& json) {
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "  ";
  return Json::writeString(builder, json) + '\n';
}

}  // namespace cyborg::client
