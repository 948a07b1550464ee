// SPDX-License-Identifier: GPL-3.0-or-later
// cyborg-job: one job, from its specification to its result.
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <sodium/core.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "job/connect.h"
#include "job/job.h"
#include "job/print_script.h"
#include "job/sandbox.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

// So that neither core dumps nor debuggers reveal the secrets.
void protect_memory() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

JobResult run(JobContext& job) {
  try {
    JobResult result = job.run();
    return result;
  } catch (const Failure& failure) {
    // After canceling, an error of the connection being made does not matter.
    if (job.canceled()) return make_result(ResultCode::canceled, "the job was canceled");
    return make_result(failure.code(), failure.what(), failure.state());
  } catch (const std::exception& error) {
    return make_result(ResultCode::internal, fmt::format("cyborg-job failed: {}", error.what()));
  }
}

constexpr std::size_t kLongestReason = 2000;  // bytes

void finish(JobResult& result, Output& output) {
  // Output of other programs may contain anything, in any amount; the job's output has all of it.
  const auto clean = [&](std::string& text) {
    text = output.redact(text);
    if (text.size() > kLongestReason) text = text.substr(0, kLongestReason) + " […]";
    text = to_valid_utf8(text);
  };
  clean(result.message);
  for (auto& warning : result.warnings) clean(warning);
  const int priority = result.state == JobState::successful ? 6 : result.state == JobState::warning ? 4 : 3;
  output.line(priority, fmt::format("{}: {}", to_string(result.state), result.message));
  output.flush();
}

int job_main() {
  ::umask(0007);
  protect_memory();
  if (sodium_init() < 0 || ssh_init() != SSH_OK) return EXIT_FAILURE;
  try {
    JobContext job;
    reserve_result(job.directory());
    JobResult result = run(job);
    finish(result, job.output());
    result.attempt = job.spec().attempt;
    write_result(job.directory(), result);
    Output::wait_for_journal();
    return is_good(result) ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const Failure& failure) {
    fmt::print(stderr, "<3>{}\n", failure.what());
    if (const char* directory = std::getenv("STATE_DIRECTORY")) {
      JobResult result = make_result(failure.code(), failure.what(), JobState::error);
      result.attempt = attempt_if_known();
      write_result(directory, result);
    }
    return EXIT_FAILURE;
  }
}

}  // namespace
}  // namespace cyborg

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  try {
    if (mode == "--connect" && argc > 2) return cyborg::connect_socket(argv[2]);
    if (mode == "--enclose" && argc > 3) return cyborg::enclose(argv + 2);
    if (mode == "--print-script" && argc == 3) return cyborg::print_script(argv[2]);
    if (argc == 1) return cyborg::job_main();
    fmt::print(stderr,
               "cyborg-job is started by cyborgd, with a job's credentials; --print-script SPEC.json prints "
               "what a job runs on other machines\n");
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "<3>{}\n", error.what());
    return EXIT_FAILURE;
  }
}
