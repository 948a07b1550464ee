// SPDX-License-Identifier: GPL-3.0-or-later
// The Manager at /org/cyborgbackup1: decodes arguments, checks authorization, calls one use case, encodes the
// result.
#pragma once

#include <org.cyborgbackup1.Manager.adaptor.h>

#include <map>
#include <string>

#include "bus/objects.h"
#include "dbus/names.h"

namespace cyborg::bus {

using Lines = std::vector<sdbus::Struct<uint64_t, uint8_t, std::string>>;
Lines encode_lines(const std::vector<OutputLine>& lines);

class ManagerObject final
    : public sdbus::AdaptorInterfaces<org::cyborgbackup1::Manager_adaptor, sdbus::ObjectManager_adaptor> {
 public:
  explicit ManagerObject(Context& context);
  ~ManagerObject();

  void changed();
  void job_new(std::int64_t id) { emitJobNew(static_cast<uint64_t>(id), job_path(id)); }
  void job_removed(std::int64_t id, const std::string& result) {
    emitJobRemoved(static_cast<uint64_t>(id), job_path(id), result);
  }
  // Sent to one follower only.
  void job_output(const std::string& follower, std::int64_t id, std::uint64_t first, const Lines& lines,
                  bool end);

 private:
  using Maps = std::vector<VariantMap>;
  using Ids = std::vector<uint64_t>;

  void AddSchedule(sdbus::Result<sdbus::ObjectPath>&& result, std::string name,
                   VariantMap properties) override;
  void AddRepository(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, std::string url,
                     VariantMap properties) override;
  void AddClient(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, VariantMap properties) override;
  void AddPolicy(sdbus::Result<sdbus::ObjectPath>&& result, std::string name, VariantMap properties) override;
  void RunPolicy(sdbus::Result<uint64_t, Ids, Maps>&& result, std::string policy,
                 VariantMap options) override;
  void PrepareClient(sdbus::Result<uint64_t>&& result, std::string client, VariantMap options) override;
  void PrepareRepository(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) override;
  void DiscoverClient(sdbus::Result<Maps>&& result, std::string client) override;
  void Restore(sdbus::Result<uint64_t>&& result, std::string archive, Strings paths,
               VariantMap options) override;
  void ListElapses(sdbus::Result<Ids>&& result, std::string policy, uint32_t count) override;
  void ListJobs(sdbus::Result<Maps, std::string>&& result, VariantMap filter, uint32_t limit,
                std::string cursor) override;
  void GetJob(sdbus::Result<VariantMap>&& result, uint64_t id) override;
  void ReadJobLog(sdbus::Result<Lines, bool>&& result, uint64_t id, uint64_t first, uint32_t limit) override;
  void FollowJob(sdbus::Result<>&& result, uint64_t id, uint64_t first) override;
  void UnfollowJob(sdbus::Result<>&& result, uint64_t id) override;
  void CancelJob(sdbus::Result<>&& result, uint64_t id) override;
  void RetryJob(sdbus::Result<uint64_t, Ids>&& result, uint64_t id) override;
  void ListArchives(sdbus::Result<Maps, std::string>&& result, VariantMap filter, uint32_t limit,
                    std::string cursor) override;
  void FindFiles(sdbus::Result<Maps, std::string>&& result, std::string pattern, VariantMap filter,
                 uint32_t limit, std::string cursor) override;
  void ListFiles(sdbus::Result<Maps, std::string>&& result, std::string archive, std::string path,
                 uint32_t limit, std::string cursor) override;
  void DiffArchives(sdbus::Result<Maps, std::string>&& result, std::string a, std::string b, uint32_t limit,
                    std::string cursor) override;
  void FileHistory(sdbus::Result<Maps, std::string>&& result, std::string client, std::string path,
                   uint32_t limit, std::string cursor) override;
  void DropCatalog(sdbus::Result<>&& result, std::string client) override;
  void RebuildCatalog(sdbus::Result<uint64_t, Ids>&& result, std::string client) override;
  void GetFleetStatus(sdbus::Result<Maps>&& result) override;
  void GetRepositoryStatus(sdbus::Result<Maps>&& result) override;
  void PrunePolicy(sdbus::Result<uint64_t, Ids, Maps>&& result, std::string policy,
                   VariantMap options) override;
  void CompactRepository(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) override;
  void CheckRepository(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) override;
  void VerifyRepository(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) override;
  void ListRepository(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) override;
  void ListRepositoryArchives(sdbus::Result<Maps, std::string>&& result, std::string repository,
                              VariantMap filter, uint32_t limit, std::string cursor) override;
  void ImportArchives(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) override;
  void VerifyPolicy(sdbus::Result<uint64_t, Ids>&& result, std::string policy, VariantMap options) override;
  void VerifyArchive(sdbus::Result<uint64_t>&& result, std::string archive) override;
  void ListKeys(sdbus::Result<Maps>&& result, VariantMap filter) override;
  void WithdrawKeys(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) override;
  void RemoveArchive(sdbus::Result<uint64_t>&& result, std::string archive) override;
  void SetArchive(sdbus::Result<>&& result, std::string archive, VariantMap properties) override;
  void ExplainArchive(sdbus::Result<VariantMap>&& result, std::string archive) override;
  void ListPolicyTypes(sdbus::Result<Maps>&& result) override;
  void ListProperties(sdbus::Result<Maps>&& result) override;
  void ListSettings(sdbus::Result<Maps>&& result) override;
  void SetSetting(sdbus::Result<>&& result, std::string name, std::string value) override;
  void ChangePassphrase(sdbus::Result<Ids>&& result, std::string repository, VariantMap options) override;
  void ExportKey(sdbus::Result<sdbus::UnixFd>&& result, std::string repository, VariantMap options) override;

  std::string Version() override;
  std::string DatabaseState() override;
  std::string SshPublicKey() override;
  uint32_t RunningJobs() override;

  static sdbus::ObjectPath job_path(std::int64_t id);
  template <typename... Results, typename Body>
  void serve_method(sdbus::Result<Results...>&& result, const char* member, const Details& details,
                    Body body);
  void watch_follower(const std::string& follower);

  Context& context_;
  std::map<std::string, sdbus::Slot> followers_;  // watches for their leaving the bus
};

template <typename... Results, typename Body>
void ManagerObject::serve_method(sdbus::Result<Results...>&& result, const char* member,
                                 const Details& details, Body body) {
  serve(context_.authorizer, getObject(), std::move(result), names::kManagerInterface, member, details,
        std::move(body));
}

}  // namespace cyborg::bus
