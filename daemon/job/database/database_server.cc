// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/database/database_server.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>

#include "core/policy_types.h"
#include "job/sandbox.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr std::chrono::seconds kAnswerWithin{90};
constexpr std::chrono::milliseconds kAskEvery{200};
constexpr std::chrono::seconds kStopWithin{10};

Environment tool_environment(const std::string& directory) {
  return {{"LC_ALL", "C"},
          {"TZ", "UTC"},
          {"HOME", directory},
          {"TMPDIR", directory},
          {"PGOPTIONS", "-c client_min_messages=warning"},
          {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
}

std::string last_line(const std::string& path) {
  std::ifstream file{path};
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

void pause(std::chrono::milliseconds time) {
  ::poll(nullptr, 0, static_cast<int>(time.count()));
}

}  // namespace

ToolEnd DatabaseServer::run(const std::vector<std::string>& command, std::string input) {
  return run_tool(job_, {enclosed(directory_, command), tool_environment(directory_), std::move(input)});
}

void DatabaseServer::launch(const std::vector<std::string>& command, const std::vector<std::string>& ask,
                            const std::string& log) {
  ChildOptions options;
  options.command = enclosed(directory_, command);
  options.environment = tool_environment(directory_);
  server_ = std::make_unique<Child>(options);
  const auto begin = std::chrono::steady_clock::now();
  for (;;) {
    job_.throw_if_canceled();
    // Its queries are not worth a line each.
    ChildOptions question;
    question.command = enclosed(directory_, ask);
    question.environment = tool_environment(directory_);
    Child child{question};
    if (child.wait() == 0) return;
    const bool late = std::chrono::steady_clock::now() - begin > kAnswerWithin;
    if (server_->poll_status() || late) {
      std::array<char, 2000> text{};
      const ssize_t size = ::read(server_->error(), text.data(), text.size());
      std::string reason = last_line(log);
      if (reason.empty() && size > 0) reason.assign(text.data(), static_cast<std::size_t>(size));
      throw Failure(ResultCode::database_server,
                    fmt::format("a {} to load dumps into did not start: {}", name(), reason));
    }
    pause(kAskEvery);
  }
}

void DatabaseServer::stop(int signal) {
  if (!server_) return;
  server_->signal(signal);
  pollfd entry{server_->exit_fd(), POLLIN, 0};
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(kStopWithin);
  if (!server_->poll_status()) ::poll(&entry, 1, static_cast<int>(wait.count()));
  server_.reset();  // kills the server if it is still running
}

std::unique_ptr<DatabaseServer> DatabaseServer::start(JobContext& job, PolicyType type,
                                                      const std::string& directory) {
  switch (policy_type_row(type).dump->databases->loaded_with) {
    case LoadedWith::mariadb:
      return make_mariadb(job, directory);
    case LoadedWith::script:
      return make_scripted(job, type, directory);
    case LoadedWith::postgresql:
      break;
  }
  return make_postgresql(job, directory);
}

std::string DatabaseServer::missing(PolicyType type) {
  const DatabaseDumps& dumps = *policy_type_row(type).dump->databases;
  if (!can_enclose()) return "this kernel has no Landlock, which the server's sandbox needs";
  switch (dumps.loaded_with) {
    case LoadedWith::mariadb:
      return missing_mariadb();
    case LoadedWith::script:
      return missing_tool(dumps);
    case LoadedWith::postgresql:
      break;
  }
  return missing_postgresql();
}

}  // namespace cyborg
