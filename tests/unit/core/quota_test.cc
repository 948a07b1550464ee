// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quota.h"

#include <gtest/gtest.h>

#include "core/fields.h"
#include "plan/properties.h"

namespace cyborg {
namespace {

TEST(Quota, EachTakesItsMostAndRefusesOneMore) {
  for (const auto limit : {Quota::objects, Quota::unfinished_jobs, Quota::followers, Quota::followed_jobs,
                           Quota::hooks, Quota::variables, Quota::text, Quota::list}) {
    const std::size_t most = quota_of(limit);
    EXPECT_TRUE(check_quota(limit, most));
    const auto refused = check_quota(limit, most + 1, "field");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::limits_exceeded);
    EXPECT_TRUE(refused.error().message.starts_with("field: " + std::to_string(most + 1) + " "));
    EXPECT_TRUE(refused.error().message.ends_with(" are more than " + std::to_string(most)));
    EXPECT_FALSE(refused.error().hint.empty());
  }
}

Json::Value list_of(std::size_t count, const Json::Value& item) {
  Json::Value list{Json::arrayValue};
  for (std::size_t i = 0; i < count; ++i) list.append(item);
  return list;
}

std::string longest() {
  return std::string(quota_of(Quota::text), 'x');
}

Json::Value hook(const std::string& command) {
  Json::Value json{Json::objectValue};
  json["command"] = command;
  return json;
}

Json::Value with(const char* key, const Json::Value& value) {
  Json::Value json{Json::objectValue};
  json["type"] = "folders";
  json["clients"] = "web";
  json["repositories"] = "vault";
  json["variables"]["folders"] = "/srv";
  json[key] = value;
  return json;
}

Json::Value folders(std::size_t count) {
  Json::Value variables{Json::objectValue};
  for (std::size_t i = 0; i < count; ++i)
    variables["folders"].append("/srv/" + std::to_string(1'000'000 + i));
  return variables;
}

// The limits for the parts of a policy: the maximum of each, and one more.
TEST(Quota, NoPolicyIsBeyondThem) {
  struct Case {
    const char* key;
    Json::Value most, more;
  };
  const std::size_t hooks = quota_of(Quota::hooks);
  const std::size_t list = quota_of(Quota::list);
  for (const auto& [key, most, more] :
       {Case{"hooks", list_of(hooks, hook("sync")), list_of(hooks + 1, hook("sync"))},
        Case{"hooks", list_of(1, hook(longest())), list_of(1, hook(longest() + "x"))},
        Case{"exclude", list_of(list, "*.tmp"), list_of(list + 1, "*.tmp")},
        Case{"exclude", longest(), longest() + "x"}, Case{"variables", folders(10'000), folders(20'000)}}) {
    Policy base;
    base.name = "one";
    const auto good = apply_policy(base, with(key, most));
    EXPECT_TRUE(good) << key << ": " << good.error().message;
    const auto refused = apply_policy(base, with(key, more));
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().code, ErrorCode::limits_exceeded) << refused.error().message;
    EXPECT_NE(refused.error().message.find(" are more than "), std::string::npos);
  }
}

}  // namespace
}  // namespace cyborg
