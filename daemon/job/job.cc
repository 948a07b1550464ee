// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/job.h"

#include <fmt/format.h>
#include <json/reader.h>
#include <sodium/utils.h>
#include <sys/signalfd.h>
#include <systemd/sd-id128.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

#include "ssh/failure.h"

namespace cyborg {
namespace {

// cyborgd's application id; any number would do.
constexpr sd_id128_t kApplication =
    SD_ID128_MAKE(5f, 1c, 0d, 3a, 8e, 44, 4b, 0f, 9a, 67, 21, c8, 74, d9, 30, 5b);

std::string required_directory(const char* variable) {
  const char* value = std::getenv(variable);
  if (!value || !*value) throw Failure(ResultCode::environment, fmt::format("${} is not set", variable));
  return value;
}

std::string read_credential(const char* name, bool required) {
  const std::string path = required_directory("CREDENTIALS_DIRECTORY") + "/" + name;
  std::ifstream file{path, std::ios::binary};
  if (!file && required)
    throw Failure(ResultCode::environment, fmt::format("credential {} is missing", name));
  return {std::istreambuf_iterator<char>{file}, {}};
}

// A file written by hand may end with a line break; our own secrets do not.
std::string without_line_break(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

JobSpec read_spec() {
  const std::string text = read_credential("spec", true);
  Json::Value json;
  const Json::CharReaderBuilder builder;
  const std::unique_ptr<Json::CharReader> reader{builder.newCharReader()};
  std::string errors;
  if (!reader->parse(text.data(), text.data() + text.size(), &json, &errors)) {
    throw Failure(ResultCode::environment, fmt::format("the job's specification is not JSON: {}", errors));
  }
  auto spec = job_spec_from_json(json);
  if (!spec) throw Failure(ResultCode::environment, spec.error().message);
  // Derived from the machine's id, which must not be disclosed.
  sd_id128_t server{};
  std::array<char, SD_ID128_STRING_MAX> name{};
  if (sd_id128_get_machine_app_specific(kApplication, &server) >= 0) {
    spec->server = fmt::format("cyborg-{}", sd_id128_to_string(server, name.data()));
  }
  return *std::move(spec);
}

Fd catch_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  // Blocked in this and all later threads; children get an empty mask.
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return Fd{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
}

}  // namespace

std::string attempt_if_known() {
  try {
    return read_spec().attempt;
  } catch (const Failure&) {
    return {};
  }
}

Secret::~Secret() {
  sodium_memzero(text_.data(), text_.size());
}

JobContext::JobContext()
    : directory_(required_directory("STATE_DIRECTORY")),
      output_(directory_),
      progress_(directory_),
      spec_(read_spec()),
      ssh_key_(read_credential("ssh-key", false)),
      passphrase_(without_line_break(read_credential("passphrase", false))),
      new_passphrase_(without_line_break(read_credential("new-passphrase", false))),
      password_(without_line_break(read_credential("password", false))),
      database_password_(without_line_break(read_credential("database-password", false))),
      database_(without_line_break(read_credential("database", false))),
      signals_(catch_signals()) {
  output_.hide(passphrase_.text());
  output_.hide(new_passphrase_.text());
  output_.hide(password_.text());
  output_.hide(database_password_.text());
  if (passphrase_.text().find('\n') != std::string::npos) {
    throw Failure(ResultCode::passphrase_wrong, "a passphrase cannot have a line break", JobState::error);
  }
}

ssh::Credentials JobContext::credentials(bool password) const {
  return {ssh_key_.text(), password ? password_.text() : std::string{}};
}

bool JobContext::canceled() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) > 0) canceled_ = true;
  return canceled_;
}

void JobContext::throw_if_canceled() {
  if (canceled()) throw Failure(ResultCode::canceled, "the job was canceled");
}

void JobContext::attach(ssh::Pump& pump, std::function<void()> tick) {
  pump.watch(signals_.get(), [this] { (void)canceled(); });
  pump.set_tick(200, [this, tick = std::move(tick)] {
    output_.tick();
    progress_.tick();
    if (tick) tick();
  });
}

JobResult JobContext::run() {
  return run_with_hooks(*this, [this] { return work(); });
}

JobResult JobContext::work() {
  switch (spec_.kind) {
    case JobKind::prepare_client:
      return prepare_client(*this);
    case JobKind::prepare_repository:
      return prepare_repository(*this);
    case JobKind::backup:
      return backup(*this);
    case JobKind::restore:
      return restore(*this);
    case JobKind::prune:
      return prune(*this);
    case JobKind::compact:
      return compact(*this);
    case JobKind::check:
      return check(*this);
    case JobKind::list:
      return list_repository(*this);
    case JobKind::catalog:
      return catalog_archive(*this);
    case JobKind::verify:
      return verify(*this);
    case JobKind::withdraw:
      return withdraw(*this);
  }
  throw Failure(ResultCode::environment, "this version of cyborg-job does not know the kind of job");
}

std::string server_borg_directory() {
  const char* directory = std::getenv("CYBORG_BORG_DIR");
  return directory && *directory ? directory : "/var/lib/cyborg/borg";
}

}  // namespace cyborg
