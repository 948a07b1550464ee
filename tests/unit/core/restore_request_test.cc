// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/restore_request.h"

#include <gtest/gtest.h>

namespace cyborg {
namespace {

TEST(RestoreRequest, ComesBackFromTheDetailsOfItsJob) {
  RestoreRequest request;
  request.paths = {"/a", "b"};
  request.directory = "/x";
  request.conflict = "keep";
  request.dry_run = true;
  request.databases = {{"shop", ""}, {"a", "b"}};
  request.globals = true;
  request.output = request.tar = request.all_databases = true;
  Job job;
  job.details = restore_details(request);
  const RestoreRequest back = restore_request(job);
  EXPECT_EQ(back.paths, request.paths);
  EXPECT_EQ(back.directory, "/x");
  EXPECT_EQ(back.conflict, "keep");
  EXPECT_EQ(back.databases, request.databases);
  EXPECT_TRUE(back.dry_run && back.globals && back.output && back.tar && back.all_databases);
  const RestoreRequest plain = restore_request(Job{});
  EXPECT_FALSE(plain.dry_run || plain.output || plain.of_databases());
}

struct Refusal {
  const char* expected;  // a part of the message; nullptr: it is accepted
  const char* type;
  void (*change)(RestoreRequest&);
};

TEST(RestoreRequest, RefusesWhatContradictsItself) {
  const Refusal refusals[] = {
      {"exactly one", "folders", [](RestoreRequest&) {}},
      {nullptr, "folders", [](RestoreRequest& r) { r.directory = "/x"; }},
      {nullptr, "", [](RestoreRequest& r) { r.output = true; }},
      {"absolute path", "folders", [](RestoreRequest& r) { r.directory = "x"; }},
      {"exactly one", "folders", [](RestoreRequest& r) { r.directory = "/x", r.output = true; }},
      {"conflict \"no\"", "folders", [](RestoreRequest& r) { r.directory = "/x", r.conflict = "no"; }},
      {"tar:", "folders", [](RestoreRequest& r) { r.directory = "/x", r.tar = true; }},
      {"output:", "folders", [](RestoreRequest& r) { r.output = r.dry_run = true; }},
      {"no databases", "folders", [](RestoreRequest& r) { r.all_databases = true; }},
      {"policy is gone", "", [](RestoreRequest& r) { r.globals = true; }},
      {nullptr, "mysql", [](RestoreRequest& r) { r.databases["a"] = "b", r.conflict = "overwrite"; }},
      {"conflict \"keep\"", "mysql", [](RestoreRequest& r) { r.globals = true, r.conflict = "keep"; }},
      {"paths:", "mysql", [](RestoreRequest& r) { r.globals = true, r.paths = {"/a"}; }},
      {"two would become \"b\"", "mysql", [](RestoreRequest& r) { r.databases = {{"a", "b"}, {"b", ""}}; }},
      {"one of them", "mysql", [](RestoreRequest& r) { r.databases["a"], r.all_databases = true; }},
      {"the server's own", "mysql", [](RestoreRequest& r) { r.databases["a"] = "mysql"; }},
      {nullptr, "postgresql", [](RestoreRequest& r) { r.databases["mysql"]; }},
      {"line break", "postgresql", [](RestoreRequest& r) { r.databases["a\nb"]; }},
      {nullptr, "sqlite", [](RestoreRequest& r) { r.databases["/a/b.db"] = "/c/d.db"; }},
      {"an absolute path", "sqlite", [](RestoreRequest& r) { r.databases["/a/b.db"] = "d.db"; }},
      {"without \"..\"", "sqlite", [](RestoreRequest& r) { r.databases["/a/../b.db"]; }},
      {"saves none", "sqlite", [](RestoreRequest& r) { r.globals = true; }},
      {nullptr, "vm", [](RestoreRequest& r) { r.guest = "a", r.directory = "/x", r.conflict = "overwrite"; }},
      {"no guests", "folders", [](RestoreRequest& r) { r.guest = "a"; }},
      {"policy is gone", "", [](RestoreRequest& r) { r.guest = "a"; }},
      {"exactly one", "vm", [](RestoreRequest& r) { r.guest = "a", r.globals = true; }},
      {"guest_name \"a/b\"", "vm", [](RestoreRequest& r) { r.guest = "a", r.guest_name = "a/b"; }},
      {"expected its number", "proxmox", [](RestoreRequest& r) { r.guest = "web"; }},
      {"only a guest", "vm", [](RestoreRequest& r) { r.directory = "/x", r.start = true; }},
  };
  for (const auto& refusal : refusals) {
    RestoreRequest request;
    refusal.change(request);
    auto checked = check_restore(request);
    if (checked) checked = check_databases(request, refusal.type);
    if (checked) checked = check_guest(request, refusal.type);
    EXPECT_EQ(checked.has_value(), refusal.expected == nullptr);
    if (!checked && refusal.expected) {
      EXPECT_NE(checked.error().message.find(refusal.expected), std::string::npos) << checked.error().message;
    }
  }
}

}  // namespace
}  // namespace cyborg
