// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/format/text.h"

namespace cyborg::client {
namespace {

constexpr std::uint64_t kDay = 86'400 * std::uint64_t{1'000'000};

// A clock that was wrong for a while must not suppress any message.
std::uint64_t time_of(const Json::Value& value, std::uint64_t now) {
  return value.isUInt64() ? std::min<std::uint64_t>(value.asUInt64(), now) : now;
}

struct Known {
  std::uint64_t since = 0;
  bool told = false;
  std::string text;
};

Known known_of(const Json::Value& entry, std::uint64_t now) {
  return {time_of(entry["since"], now), entry["told"].isBool() && entry["told"].asBool(),
          entry["text"].isString() ? printable(entry["text"].asString()) : std::string{}};
}

Json::Value to_json(const Known& known) {
  Json::Value entry{Json::objectValue};
  entry["since"] = Json::UInt64(known.since);
  entry["told"] = known.told;
  entry["text"] = known.text;
  return entry;
}

class Comparison {
 public:
  Comparison(const Json::Value& told, std::uint64_t now)
      : before_(told["troubles"].isObject() ? told["troubles"] : Json::Value{Json::objectValue}), now_(now) {
    reminded_ = told["reminded"].isUInt64() ? time_of(told["reminded"], now) : 0;
    reminds_ = now - reminded_ >= kDay;
  }

  void see(const Problem& problem) {
    const auto key = problem.key();
    unreachable_ = unreachable_ || problem.kind == ProblemKind::unreachable;
    const bool is_new = !before_[key].isObject();
    Known known = is_new ? Known{now_, false, {}} : known_of(before_[key], now_);
    known.text = problem.text;
    const auto days = (now_ - known.since) / kDay;
    if (!known.told && (!problem.fresh || days >= 1)) {
      new_.push_back("new: " + known.text);
      known.told = true;
    } else if (known.told && reminds_ && days >= 1) {
      lasting_.push_back(fmt::format("day {}: {}", days + 1, known.text));
    }
    after_[key] = to_json(known);
  }

  void settle(bool complete) {
    for (const auto& key : before_.getMemberNames()) {
      if (after_.isMember(key) || !before_[key].isObject()) continue;
      const Known known = known_of(before_[key], now_);
      // Nothing is known about objects that could not be checked.
      const bool looked_at =
          complete || key.starts_with("unreachable ") || (key.starts_with("database ") && !unreachable_);
      if (!looked_at) {
        after_[key] = before_[key];
      } else if (known.told) {
        over_.push_back(fmt::format("over: {} (for {})", known.text, human_span(now_ - known.since)));
      }
    }
  }

  Changes take() {
    Changes changes;
    for (auto* lines : {&new_, &lasting_, &over_})
      std::ranges::move(*lines, std::back_inserter(changes.lines));
    changes.told["troubles"] = after_;
    changes.told["reminded"] = Json::UInt64(lasting_.empty() ? reminded_ : now_);
    return changes;
  }

 private:
  const Json::Value before_;
  Json::Value after_{Json::objectValue};
  std::uint64_t now_, reminded_ = 0;
  bool reminds_ = false, unreachable_ = false;
  std::vector<std::string> new_, lasting_, over_;
};

}  // namespace

Changes changes_since(const Json::Value& told, const std::vector<Problem>& problems, bool complete,
                      std::uint64_t now) {
  Comparison comparison(told.isObject() ? told : Json::Value{Json::objectValue}, now);
  for (const auto& problem : problems) comparison.see(problem);
  comparison.settle(complete);
  return comparison.take();
}

}  // namespace cyborg::client
