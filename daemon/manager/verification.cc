// SPDX-License-Identifier: GPL-3.0-or-later
// Verifications of the newest archives of a policy, or of one archive.
#include <fmt/format.h>

#include "manager/manager.h"

namespace cyborg {

void Manager::verify_policy(const std::string& name, const RunRequest& request, Done<RunAnswer> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  const auto policy = state_.fleet.find_policy(name);
  if (!policy) return done(std::unexpected(policy.error()));
  auto plan = plan_verify(state_.fleet, **policy, request.clients, state_.unfinished);
  if (!plan) return done(std::unexpected(plan.error()));
  if (plan->jobs.empty()) {
    return done(fail(ErrorCode::in_use, plan->notes.empty() ? "nothing to verify" : plan->notes.front()));
  }
  create_run(std::move(*plan), name, request, std::move(done));
}

void Manager::verify_archive(const std::string& name, const std::string& actor, Done<std::int64_t> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  out_.store.get_archive(
      name, [this, actor, done = std::move(done)](const Expected<store::Archive>& archive) {
        if (!archive) return done(std::unexpected(archive.error()));
        Job like;
        like.kind = JobKind::verify;
        like.policy = archive->policy;
        like.client = archive->client;
        like.repository = archive->repository;
        like.borg_url = archive->borg_url;
        like.archive = archive->name;
        auto plan = plan_maintenance(state_.fleet, like, state_.unfinished);
        if (!plan) return done(std::unexpected(plan.error()));
        RunRequest request;
        request.actor = actor;
        create_run(std::move(*plan), archive->policy, request, [done](const Expected<RunAnswer>& answer) {
          if (!answer) return done(std::unexpected(answer.error()));
          done(answer->jobs.front());
        });
      });
}

}  // namespace cyborg
