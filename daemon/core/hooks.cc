// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hooks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/fields.h"
#include "core/quota.h"

namespace cyborg {
namespace {

template <std::size_t N>
Fields::Check one_of(const std::array<const char*, N>& words, std::string_view expected) {
  return [&words, expected](const std::string& text) -> std::string_view {
    return std::ranges::find(words, text) != words.end() ? std::string_view{} : expected;
  };
}

constexpr std::array kWhen{"before", "after", "success", "failure"};
constexpr std::array kWhere{"client", "server"};
constexpr std::array kEffect{"fail", "warn", "ignore"};

bool takes_hooks(const JobKindTraits& kind) {
  return kind.hooks != HookPlaces::none;
}
bool is_on_server_only(const JobKindTraits& kind) {
  return kind.hooks == HookPlaces::server;
}

std::string_view check_kind(const std::string& name) {
  static const std::string expected = alternatives(kJobKinds, takes_hooks);
  const JobKindTraits* kind = row_named(kJobKinds, name);
  return kind && takes_hooks(*kind) ? std::string_view{} : expected;
}

Expected<Hook> hook_from_json(const Json::Value& json) {
  Hook hook;
  Fields fields{json};
  fields.text("when", hook.when, one_of(kWhen, "before, after, success or failure"));
  fields.text("where", hook.where, one_of(kWhere, "client or server"));
  fields.text("command", hook.command);
  fields.span("timeout", hook.timeout, hook.timeout_seconds);
  fields.text("effect", hook.effect, one_of(kEffect, "fail, warn or ignore"));
  fields.list("kinds", hook.kinds, check_kind);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  if (hook.command.empty()) {
    return fail(ErrorCode::invalid_argument, "hooks: a hook has no command",
                "give it as {\"when\": \"before\", \"command\": \"sync\"}");
  }
  const bool on_server_only = std::ranges::any_of(
      hook.kinds, [](const auto& kind) { return is_on_server_only(*row_named(kJobKinds, kind)); });
  if (on_server_only && hook.where == "client") {
    return fail(ErrorCode::invalid_argument,
                fmt::format("hooks: \"{}\" cannot run on the client: {} never speak to it", hook.command,
                            alternatives(kJobKinds, is_on_server_only, "and")),
                "use \"where\": \"server\"");
  }
  if (hook.timeout_seconds.count() == 0) hook.timeout_seconds = kHookTimeout;
  return hook;
}

}  // namespace

Expected<std::vector<Hook>> hooks_from_json(const Json::Value& list) {
  if (auto fits = check_quota(Quota::hooks, list.size()); !fits) return std::unexpected(fits.error());
  std::vector<Hook> hooks;
  for (const auto& item : list) {
    if (!item.isObject()) {
      return fail(ErrorCode::invalid_argument, "hooks: expected a list of objects",
                  "such as [{\"when\": \"before\", \"command\": \"sync\"}]");
    }
    auto hook = hook_from_json(item);
    if (!hook) return std::unexpected(hook.error());
    hooks.push_back(std::move(*hook));
  }
  return hooks;
}

Json::Value to_json(const std::vector<Hook>& hooks) {
  Json::Value list{Json::arrayValue};
  for (const auto& hook : hooks) {
    Json::Value json{Json::objectValue};
    json["when"] = hook.when;
    json["where"] = hook.where;
    json["command"] = hook.command;
    if (!hook.timeout.empty()) json["timeout"] = hook.timeout;
    json["effect"] = hook.effect;
    json["kinds"] = Json::Value{Json::arrayValue};
    for (const auto& kind : hook.kinds) json["kinds"].append(kind);
    list.append(std::move(json));
  }
  return list;
}

std::vector<Hook> hooks_of(const std::vector<Hook>& hooks, JobKind kind) {
  std::vector<Hook> chosen;
  const std::string name = to_string(kind);
  for (const auto& hook : hooks) {
    const bool wanted = hook.kinds.empty() ? kind == JobKind::backup
                                           : std::ranges::find(hook.kinds, name) != hook.kinds.end();
    if (wanted) chosen.push_back(hook);
  }
  return chosen;
}

bool runs_after(const Hook& hook, JobState state) {
  const bool good = is_good(state);
  return hook.when == "after" || (hook.when == "success" && good) || (hook.when == "failure" && !good);
}

Environment hook_environment(const JobSpec& spec, const JobResult* result) {
  Environment environment{
      {"CYBORG_JOB", fmt::to_string(spec.job)}, {"CYBORG_RUN", fmt::to_string(spec.run)},
      {"CYBORG_KIND", to_string(spec.kind)},    {"CYBORG_POLICY", spec.policy},
      {"CYBORG_CLIENT", spec.client},           {"CYBORG_REPOSITORY", spec.repository},
      {"CYBORG_ARCHIVE", spec.archive},
  };
  if (!result) return environment;
  environment.emplace_back("CYBORG_STATE", to_string(result->state));
  environment.emplace_back("CYBORG_CODE", result->code.word());
  environment.emplace_back("CYBORG_MESSAGE", result->message);
  for (const auto& [name, key] :
       {std::pair{"CYBORG_FILES", "nfiles"}, std::pair{"CYBORG_SIZE", "original_size"},
        std::pair{"CYBORG_NEW_SIZE", "deduplicated_size"}}) {
    const Json::Value& value = result->archive[key];
    if (value.isInt64()) environment.emplace_back(name, fmt::to_string(value.asInt64()));
  }
  return environment;
}

std::string hook_failure(const Hook& hook, int status, const std::string& last_words) {
  if (status == 0) return {};
  const std::string what = fmt::format("hook \"{}\" ({}, on the {})", hook.command, hook.when, hook.where);
  if (status < 0) return fmt::format("{} was ended after {} s", what, hook.timeout_seconds.count());
  return fmt::format("{} ended with status {}{}{}", what, status, last_words.empty() ? "" : ": ", last_words);
}

void apply_hook_failure(const Hook& hook, const std::string& failure, JobResult& result) {
  if (hook.effect == "ignore") return;
  result.warnings.push_back(failure);
  if (!is_good(result)) return;
  if (hook.effect == "warn") {
    if (result.state == JobState::successful) {
      end_as(result, ResultCode::hook_failed, failure, JobState::warning);
    }
    return;
  }
  end_as(result, ResultCode::hook_failed, failure);
}

}  // namespace cyborg
