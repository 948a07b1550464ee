// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/properties.h"

#include <gtest/gtest.h>

#include "unit/json_text.h"

namespace cyborg {
namespace {

using test::contains;
using test::json;

struct Bad {
  const char* properties;
  const char* said;
};

template <typename T>
void expect_refused(const Expected<T>& object, const Bad& row) {
  ASSERT_FALSE(object) << row.properties;
  EXPECT_TRUE(contains(object.error().message, row.said)) << row.properties << ": " << object.error().message;
}

template <typename T>
T named(const char* name) {
  T object;
  object.name = name;
  return object;
}

constexpr char kHostKey[] = "SHA256:0123456789012345678901234567890123456789abc";

TEST(ScheduleObject, TakesACrontabOrACalendarExpression) {
  const auto cron =
      apply_schedule(named<Schedule>("s"), json(R"({"crontab":"30 2 * * *","timezone":"Europe/Berlin",
                                            "random_delay":"10min","enabled":false})"));
  ASSERT_TRUE(cron) << cron.error().message;
  EXPECT_FALSE(cron->calendar.empty());
  EXPECT_TRUE(contains(cron->calendar.front(), "Europe/Berlin"));
  EXPECT_EQ(cron->random_delay_seconds.count(), 600);
  EXPECT_FALSE(cron->enabled);
  const auto native = apply_schedule(*cron, json(R"({"on_calendar":"Mon..Fri 02:30"})"));
  ASSERT_TRUE(native) << native.error().message;
  EXPECT_EQ(native->crontab, "");
  EXPECT_EQ(native->on_calendar, "Mon..Fri 02:30");
  const auto again = apply_schedule(*native, json(R"({"crontab":"@daily"})"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->on_calendar, "");
}

TEST(ScheduleObject, RefusesWhatIsWrong) {
  for (const auto& row : {
           Bad{"{}", "schedule s: expected one of crontab and on_calendar"},
           Bad{R"({"crontab":"@daily","on_calendar":"daily"})", "expected one of crontab and on_calendar"},
           Bad{R"({"crontab":"61 * * * *"})", "61"},
           Bad{R"({"crontab":"* * * *"})", "* * * *"},
           Bad{R"({"crontab":"@daily","timezone":"no zone;"})", R"(timezone "no zone;": expected a name)"},
           Bad{R"({"crontab":"@daily","timezone":"../../etc/passwd"})", "timezone"},
           Bad{R"({"crontab":"@daily","random_delay":"soon"})", R"(random_delay "soon")"},
           Bad{R"({"crontab":5})", R"(crontab "5": expected a text)"},
           Bad{R"({"crontab":"@daily","enabled":"yes"})", R"(enabled "yes")"},
           Bad{R"({"crontab":"@daily","colour":"red"})", R"(unknown field "colour")"},
           Bad{R"({"on_calendar":"daily\nOnCalendar=x"})", "without control characters"},
       }) {
    expect_refused(apply_schedule(named<Schedule>("s"), json(row.properties)), row);
  }
}

TEST(RepositoryObject, TakesItsFields) {
  Json::Value given = json(R"({"url":"u@vault:/srv/{client}","encryption":"authenticated-blake2",
                               "append_only":true,"transport":"relay"})");
  given["host_key"] = kHostKey;
  const auto repository = apply_repository(named<Repository>("r"), given, true);
  ASSERT_TRUE(repository) << repository.error().message;
  EXPECT_EQ(repository->encryption, "authenticated-blake2");
  EXPECT_TRUE(repository->append_only);
  EXPECT_EQ(repository->host_key, kHostKey);
  EXPECT_TRUE(apply_repository(*repository, json(R"({"enabled":false,"host_key":""})"), false));
}

TEST(RepositoryObject, RefusesWhatIsWrong) {
  for (const auto& row : {
           Bad{"{}", "repository url \"\""},
           Bad{R"({"url":"relative"})", R"(repository url "relative")"},
           Bad{R"({"url":5})", R"(url "5": expected a text)"},
           Bad{R"({"url":"/x"})", R"(url "/x": it is at the top of the file system)"},
           Bad{R"({"url":"/x","encryption":"keyfile"})", "clients hold no key"},
           Bad{R"({"url":"/x","encryption":"aes"})", R"(encryption "aes": expected none)"},
           Bad{R"({"url":"/x","transport":"tunnel"})", R"(transport "tunnel": expected relay)"},
           Bad{R"({"url":"/srv/x/{client}","transport":"direct"})", R"(transport "direct")"},
           Bad{R"({"url":"borg@vault:/srv/x","transport":"direct"})", R"(url "borg@vault:/srv/x")"},
           Bad{R"({"url":"/x","authorize":"never"})", R"(authorize "never": expected automatic or manual)"},
           Bad{R"({"url":"/x","host_key":"MD5:1"})", R"(host_key "MD5:1": expected SHA256:)"},
           Bad{R"({"url":"/x","append_only":1})", R"(append_only "1")"},
           Bad{R"({"url":"/x/{client}","shared":true})", "shared: a URL with {client}"},
           Bad{R"({"url":"/x","passphrase":"in clear"})", R"(unknown field "passphrase")"},
       }) {
    expect_refused(apply_repository(named<Repository>("r"), json(row.properties), true), row);
  }
}

TEST(RepositoryObject, KeepsItsUrlAndEncryption) {
  const auto made =
      apply_repository(named<Repository>("r"), json(R"({"url":"/srv/x","encryption":"repokey"})"), true);
  ASSERT_TRUE(made);
  expect_refused(apply_repository(*made, json(R"({"url":"/y"})"), false),
                 {R"({"url":"/y"})", "unknown field \"url\""});
  expect_refused(apply_repository(*made, json(R"({"encryption":"none"})"), false),
                 {R"({"encryption":"none"})", "it is fixed when a borg repository is created"});
  EXPECT_TRUE(apply_repository(*made, json(R"({"encryption":"repokey"})"), false));
}

TEST(ClientObject, TakesItsFields) {
  const auto client =
      apply_client(named<Client>("web"),
                   json(R"({"address":"10.0.0.2","port":2222,"user":"admin","jump":"u@bastion:99"})"), true);
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_EQ(client->port, 2222);
  EXPECT_EQ(client->jump, "u@bastion:99");
  EXPECT_TRUE(apply_client(named<Client>("v6"), json(R"({"address":"2001:db8::1"})"), true));
  EXPECT_TRUE(apply_client(named<Client>("here"), json(R"({"local":true})"), true));
}

TEST(ClientObject, RefusesWhatIsWrong) {
  for (const auto& row : {
           Bad{R"({"address":"-oProxyCommand=id"})", "address \"-oProxyCommand=id\": expected a host name"},
           Bad{R"({"address":"a b"})", "expected a host name or an address"},
           Bad{R"({"port":0})", R"(port "0": expected a number in 1-65535)"},
           Bad{R"({"port":65536})", R"(port "65536": expected a number in 1-65535)"},
           Bad{R"({"port":"22"})", R"(port "22": expected a number)"},
           Bad{R"({"user":""})", R"(user "": expected a user name)"},
           Bad{R"({"user":"-l"})", R"(user "-l": expected a user name)"},
           Bad{R"({"jump":"a b"})", R"(jump "a b": expected [user@]host[:port])"},
           Bad{R"({"host_key":"SHA256:short"})", R"(host_key "SHA256:short")"},
           Bad{R"({"local":"yes"})", R"(local "yes")"},
           Bad{R"({"local":true,"address":"x"})", "the server itself takes no address"},
           Bad{R"({"local":true,"port":22})", "the server itself takes no address"},
           Bad{R"({"ready":true})", R"(unknown field "ready")"},
           Bad{R"({"password":"x"})", R"(unknown field "password")"},
       }) {
    expect_refused(apply_client(named<Client>("web"), json(row.properties), true), row);
  }
}

TEST(ClientObject, HasToBePreparedAnewWhenItIsReachedAnotherWay) {
  Client client = named<Client>("web");
  client.ready = true;
  struct Row {
    const char* properties;
    bool ready;
  };
  for (const auto& row :
       {Row{R"({"enabled":false})", true}, Row{R"({"port":22})", true}, Row{R"({"port":23})", false},
        Row{R"({"address":"x"})", false}, Row{R"({"user":"x"})", false}, Row{R"({"jump":"x"})", false}}) {
    const auto changed = apply_client(client, json(row.properties), false);
    ASSERT_TRUE(changed) << row.properties;
    EXPECT_EQ(changed->ready, row.ready) << row.properties;
  }
  expect_refused(apply_client(client, json(R"({"local":true})"), false),
                 {R"({"local":true})", "unknown field \"local\""});
}

TEST(PolicyObject, TakesItsFields) {
  const auto policy =
      apply_policy(named<Policy>("p"),
                   json(R"({"type":"folders","repositories":["r"],"clients":["a","b","a"],"schedule":"s",
               "variables":{"folders":["/srv"]},"exclude":["*.tmp"],"compression":"auto,zstd,10",
               "upload_limit":100,"timeout":"2h"})"));
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->clients, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(policy->timeout_seconds.count(), 7200);
  const auto by_hand = apply_policy(*policy, json(R"({"schedule":""})"));
  ASSERT_TRUE(by_hand) << by_hand.error().message;
  EXPECT_EQ(by_hand->schedule, "");
}

TEST(PolicyObject, RefusesWhatIsWrong) {
  const Policy right =
      *apply_policy(named<Policy>("p"), json(R"({"type":"config","repositories":["r"],"clients":["c"]})"));
  for (const auto& row : {
           Bad{R"({"type":"oracle"})", R"(type "oracle": expected one of rootfs)"},
           Bad{R"({"type":"folders"})", "variable \"folders\" is missing"},
           Bad{R"({"repositories":[]})", "repositories: expected at least one"},
           Bad{R"({"clients":[]})", "clients: expected at least one"},
           Bad{R"({"clients":["A B"]})", R"(clients "A B": expected an object's name)"},
           Bad{R"({"clients":5})", R"(clients "5": expected a list of texts)"},
           Bad{R"({"repositories":["../x"]})", R"(repositories "../x": expected an object's name)"},
           Bad{R"({"schedule":"Night ly"})", R"(schedule "Night ly": expected an object's name)"},
           Bad{R"({"variables":{"nope":1}})", R"(unknown field "nope")"},
           Bad{R"({"variables":[]})", "variables \"[]\": expected an object"},
           Bad{R"({"exclude":[""]})", R"(exclude "": expected a pattern)"},
           Bad{R"({"compression":"zip"})", R"(compression "zip": expected none)"},
           Bad{R"({"compression":"zstd,23"})", R"(compression "zstd,23")"},
           Bad{R"({"compression":"lz4;id"})", R"(compression "lz4;id")"},
           Bad{R"({"upload_limit":-1})", R"(upload_limit "-1": expected a number)"},
           Bad{R"({"timeout":"never"})", R"(timeout "never": expected a time span)"},
           Bad{R"({"command":"id"})", R"(unknown field "command")"},
           Bad{R"({"canaries":["etc/x"]})", R"(canaries "etc/x": expected the absolute path of a file)"},
           Bad{R"({"canaries":["/etc/../x"]})", R"(canaries "/etc/../x": expected the absolute path)"},
           Bad{R"({"canaries":["/etcetera"]})", "expected a file below what the policy backs up (/etc)"},
           Bad{R"({"canaries":["/etc/x"],"type":"piped","variables":{"command":"id"}})",
               R"(policy type "piped" reads no files)"},
       }) {
    expect_refused(apply_policy(right, json(row.properties)), row);
  }
}

TEST(Objects, RefuseNamesThatAreNotSafe) {
  for (const char* name : {"", "A", "../x", "a b", "-x", "a/b", "a\nb"}) {
    EXPECT_FALSE(apply_schedule(named<Schedule>(name), json(R"({"crontab":"@daily"})")));
    EXPECT_FALSE(apply_repository(named<Repository>(name), json(R"({"url":"/x"})"), true));
    EXPECT_FALSE(apply_client(named<Client>(name), json("{}"), true));
    const auto policy = apply_policy(named<Policy>(name), json("{}"));
    ASSERT_FALSE(policy);
    EXPECT_TRUE(contains(policy.error().message, std::string{"policy name \""} + name + "\""));
  }
}

}  // namespace
}  // namespace cyborg
