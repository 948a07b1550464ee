#include "job/relay.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "core/borg.h"
#include "core/borg_result.h"
#include "core/quote.h"
#include "job/child.h"
#include "job/lines.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr std::chrono::seconds kServeEnd{15};  // for a serve that lost its client to write what it has

class LocalServe : public Serve {
 public:
  explicit LocalServe(JobContext& job) : lines_([this, &job](std::string_view line) { say(job, line); }) {
    check_local_repository(job.spec());
    auto pair = make_socket_pair();
    near_ = std::move(pair.near);
    ChildOptions options;
    options.command = borg_serve(job.spec());
    options.environment = borg_environment(server_borg_directory(), {}, job.spec());
    options.socket = pair.far.get();
    child_ = std::make_unique<Child>(options);
  }

  ~LocalServe() override { stop(); }

  void attach(ssh::Pump& pump, JobContext&) override {
    pump.connect(ssh::from_fd(child_->error()), ssh::to_function([this](auto data) { lines_.feed(data); }));
  }

  bool finish(JobContext&) override {
    stop();
    std::array<char, 4096> buffer;
    for (ssize_t n; (n = ::read(child_->error(), buffer.data(), buffer.size())) > 0;) {
      lines_.feed({buffer.data(), static_cast<std::size_t>(n)});
    }
    lines_.finish();
    return child_->wait() == 0;
  }

  bool broken() override { return child_->poll_status().value_or(0) != 0; }
  void rethrow() override {}

 private:
  void stop() {
    near_.reset();  // the end of its input ends it, and lets go of the lock
    if (ends_within(kServeEnd)) return;
    child_->signal(SIGTERM);
    if (!ends_within(kServeEnd)) child_->signal(SIGKILL);
    child_->wait();
  }

  bool ends_within(std::chrono::milliseconds time) {
    if (child_->poll_status()) return true;
    pollfd entry{child_->exit_fd(), POLLIN, 0};
    ::poll(&entry, 1, static_cast<int>(time.count()));
    return child_->poll_status().has_value();
  }

  LineSplitter lines_;
  std::unique_ptr<Child> child_;
};

class RemoteServe : public Serve {
 public:
  RemoteServe(JobContext& job, const std::string& host_key)
      : spec_(job.spec()), target_(spec_.repository_host), credentials_(job.credentials()) {
    target_.host_key = host_key;
    auto pair = make_socket_pair();
    near_ = std::move(pair.near);
    far_ = std::move(pair.far);
    set_non_blocking(far_.get());
    thread_ = std::thread([this] { serve(); });
  }

  ~RemoteServe() override { stop(); }

  void attach(ssh::Pump&, JobContext&) override {}

  bool finish(JobContext& job) override {
    stop();
    for (const auto& line : lines_) say(job, line);
    return error_ != nullptr || status_ == 0;
  }

  bool broken() override { return broken_; }

  void rethrow() override {
    stop();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void stop() {
    near_.reset();
    if (thread_.joinable()) thread_.join();
  }

  void serve() {
    try {
      ssh::Session session{target_, credentials_};
      // A plain command, not a script: the key may be bound to `borg serve` on the other side.
      auto channel = ssh::Channel::execute(session, quote(borg_serve(spec_)));
      LineSplitter splitter{[this](std::string_view line) { lines_.emplace_back(line); }};
      carry(session, *channel, splitter);
      splitter.finish();
      status_ = channel->exit_status().value_or(255);
      if (status_ == 127) {
        throw Failure("no-borg", fmt::format("borg is not installed on the repository host {}: install it",
                                             session.name()));
      }
    } catch (...) {
      error_ = std::current_exception();
    }
    broken_ = error_ || status_ != 0;
    far_.reset();
  }

  void carry(ssh::Session& session, ssh::Channel& channel, LineSplitter& splitter) {
    using Stream = ssh::Channel::Stream;
    ssh::Pump pump;
    pump.add_session(session);
    const auto up = pump.connect(ssh::from_fd(far_.get()), ssh::to_channel(channel));
    const auto down = pump.connect(ssh::from_channel(channel, Stream::output), ssh::to_fd(far_.get()));
    const auto errors = pump.connect(ssh::from_channel(channel, Stream::error),
                                     ssh::to_function([&](auto data) { splitter.feed(data); }));
    std::optional<std::chrono::steady_clock::time_point> deadline;
    pump.set_tick(1000, [&] {
      if (pump.finished(up) && !deadline) deadline = std::chrono::steady_clock::now() + kServeEnd;
    });
    pump.run([&] {
      if (deadline && std::chrono::steady_clock::now() > *deadline) return true;
      return channel.closed() && pump.finished(down) && pump.finished(errors);
    });
  }

  const JobSpec& spec_;
  SshTarget target_;
  ssh::Credentials credentials_;
  Fd far_;
  // Written by the thread, read after it was joined.
  std::vector<std::string> lines_;
  std::exception_ptr error_;
  int status_ = 255;
  std::atomic<bool> broken_ = false;
  std::thread thread_;
};

std::string config_id(const std::filesystem::path& config) {
  std::ifstream file{config};
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("id = ")) return line.substr(5);
  }
  return {};
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

}  // namespace

std::unique_ptr<Serve> Serve::start(JobContext& job, const std::string& host_key) {
  if (job.spec().repository_host.address.empty()) return std::make_unique<LocalServe>(job);
  return std::make_unique<RemoteServe>(job, host_key);
}

void Serve::say(JobContext& job, std::string_view line) {
  const BorgLine parsed = parse_borg_line(line);
  if (parsed.text.empty()) return;
  last_words_ = parsed.text;
  job.output().line(std::min(parsed.priority, 6), "repository: " + parsed.text);
}

void IdGuard::inspect(std::string_view data) {
  constexpr std::size_t kIdSize = 32;
  if (done_) return;
  seen_ += data;
  // msgpack's headers for 32 bytes: bin8, str8 and str16.
  for (std::string_view header :
       {std::string_view{"\xC4\x20"}, std::string_view{"\xD9\x20"}, std::string_view{"\xDA\x00\x20", 3}}) {
    const auto at = seen_.find(header);
    if (at == std::string::npos || seen_.size() < at + header.size() + kIdSize) continue;
    done_ = true;
    const std::string id = hex(std::string_view{seen_}.substr(at + header.size(), kIdSize));
    if (id == spec_.borg_id) return;
    const JobResult swapped = repository_swapped(spec_, id);
    throw Failure(swapped.code, swapped.message, swapped.state);
  }
}

void check_local_repository(const JobSpec& spec) {
  const std::string& path = spec.repository_path;
  const auto denied = [&] {
    return Failure("repository-denied",
                   fmt::format("repository {} cannot be used by the server's user: chown -R cyborg {}", path,
                               quote(path)),
                   JobState::failed);
  };
  if (::access(path.c_str(), F_OK) != 0) {
    if (errno == EACCES) throw denied();
    throw Failure("repository-missing", fmt::format("there is no repository at {}: prepare it", path),
                  JobState::failed);
  }
  if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) throw denied();
  const std::string id = config_id(path + "/config");
  if (id.empty() && ::access((path + "/config").c_str(), R_OK) != 0 && errno == EACCES) throw denied();
  if (!spec.borg_id.empty() && !id.empty() && id != spec.borg_id) {
    const JobResult swapped = repository_swapped(spec, id);
    throw Failure(swapped.code, swapped.message, swapped.state);
  }
}

}  // namespace cyborg
