// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/borg/tool.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "job/child.h"
#include "job/lines.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxOutput = 16 << 20;
constexpr std::size_t kMaxSaid = 20;
constexpr std::chrono::seconds kKillAfter{5};

}  // namespace

ToolEnd run_tool(JobContext& job, const Tool& tool) {
  ToolEnd end;
  ChildOptions options;
  options.command = tool.command;
  options.environment = tool.environment;
  options.input = tool.input;
  Child child{options};
  LineSplitter lines{[&](std::string_view line) {
    if (end.said.size() == kMaxSaid || line.empty()) return;
    end.said.emplace_back(line);
    job.output().line(5, line);
  }};
  ssh::Pump pump;
  const auto out = pump.connect(ssh::from_fd(child.out()), ssh::to_function([&](auto piece) {
                                  if (end.output.size() + piece.size() <= kMaxOutput) end.output += piece;
                                }));
  const auto error =
      pump.connect(ssh::from_fd(child.error()), ssh::to_function([&](auto piece) { lines.feed(piece); }));
  pump.watch(child.exit_fd(), [&] { (void)child.poll_status(); });
  std::optional<Clock::time_point> canceled;
  job.attach(pump, [&] {
    if (!job.canceled()) return;
    if (!canceled) child.signal(SIGTERM);
    if (!canceled) canceled = Clock::now();
    if (Clock::now() - *canceled > kKillAfter) child.signal(SIGKILL);
  });
  // Its background processes may still hold its standard error.
  pump.run([&] {
    if (!child.poll_status()) return false;
    return canceled.has_value() || (pump.finished(out) && pump.finished(error));
  });
  lines.finish();
  end.status = child.wait();
  job.throw_if_canceled();
  return end;
}

TemporaryDirectory::TemporaryDirectory() : path_("/var/tmp/cyborg-verify-XXXXXX") {
  if (!::mkdtemp(path_.data())) {
    throw Failure(ResultCode::resources,
                  fmt::format("no directory can be made in /var/tmp: {}", std::strerror(errno)));
  }
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::make(const std::string& name) const {
  std::string path = path_ + "/" + name;
  std::error_code error;
  if (!std::filesystem::create_directory(path, error)) {
    throw Failure(ResultCode::resources, fmt::format("{} cannot be made: {}", path, error.message()));
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

}  // namespace cyborg
