// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/borg/relay.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "borg/command.h"
#include "borg/result.h"
#include "core/quote.h"
#include "job/child.h"
#include "job/lines.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr std::size_t kSaid = 20;              // lines of a serve that are remembered
constexpr std::chrono::seconds kServeEnd{15};  // time for a serve that lost its client to finish writing

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

  void join(ssh::Pump& pump, std::unique_ptr<ssh::Source> source, std::unique_ptr<ssh::Sink> sink,
            std::function<void(std::string_view)> inspect) override {
    pump.connect(std::move(source), ssh::to_fd(near_.get()));
    pump.connect(ssh::from_fd(near_.get()), std::move(sink), std::move(inspect));
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
    near_.reset();  // end of file makes it exit and release the lock
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

  Fd near_;
  LineSplitter lines_;
  std::unique_ptr<Child> child_;
};

// The connection is made in a thread, in parallel with the client's; from then on the job's pump serves both,
// so that relayed data goes from one to the other without another process or thread in between.
class RemoteServe : public Serve {
 public:
  RemoteServe(JobContext& job, const std::string& host_key)
      : job_(job),
        target_(job.spec().repository_host),
        command_(borg_serve(job.spec())),
        lines_([this](std::string_view line) { say(job_, line); }) {
    target_.host_key = host_key;
    auto pair = make_socket_pair();
    connected_ = std::move(pair.near);
    thread_ = std::thread([this, credentials = job.credentials(), done = std::move(pair.far)]() mutable {
      connect(credentials);
      done.reset();
    });
  }

  ~RemoteServe() override {
    if (thread_.joinable()) thread_.join();
  }

  void attach(ssh::Pump& pump, JobContext&) override {
    pump.watch_once(connected_.get(), [this, &pump] {
      take_connection();
      begin(pump);
    });
  }

  void join(ssh::Pump& pump, std::unique_ptr<ssh::Source> source, std::unique_ptr<ssh::Sink> sink,
            std::function<void(std::string_view)> inspect) override {
    source_ = std::move(source);
    sink_ = std::move(sink);
    inspect_ = std::move(inspect);
    if (!connected_) relay(pump);
  }

  bool finish(JobContext&) override {
    end();
    return error_ != nullptr || status() == 0;
  }

  bool broken() override { return error_ || (channel_ && channel_->closed() && status() != 0); }

  void rethrow() override {
    end();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void connect(const ssh::Credentials& credentials) {
    try {
      session_.emplace(target_, credentials);
      // A plain command, not a script: the key may be restricted to `borg serve` on the host.
      channel_ = ssh::Channel::execute(*session_, quote(command_));
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  void take_connection() {
    thread_.join();
    connected_.reset();
  }

  void begin(ssh::Pump& pump) {
    using Stream = ssh::Channel::Stream;
    if (!error_) {
      pump.add_session(*session_, [this](std::exception_ptr error) { error_ = std::move(error); });
      pump.connect(ssh::from_channel(*channel_, Stream::error),
                   ssh::to_function([this](auto data) { lines_.feed(data); }));
    }
    if (source_) relay(pump);
  }

  void relay(ssh::Pump& pump) {
    if (error_) return sink_->finish();  // its borg reports that the repository is gone
    pump.connect(std::move(source_), ssh::to_channel(*channel_));
    pump.connect(ssh::from_channel(*channel_, ssh::Channel::Stream::output), std::move(sink_),
                 std::move(inspect_));
  }

  // Handles the remaining messages, when its borg has ended.
  void end() {
    if (thread_.joinable()) take_connection();
    if (ended_ || error_) return;
    ended_ = true;
    try {
      channel_->send_eof();
      wait_for_end();
      lines_.finish();
      if (status() == 127) {
        throw Failure(
            ResultCode::no_borg,
            fmt::format("borg is not installed on the repository host {}: install it", session_->name()));
      }
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  void wait_for_end() {
    using Stream = ssh::Channel::Stream;
    ssh::Pump pump;
    pump.add_session(*session_);
    pump.connect(ssh::from_channel(*channel_, Stream::output), ssh::to_function([](auto) {}));
    const auto errors = pump.connect(ssh::from_channel(*channel_, Stream::error),
                                     ssh::to_function([this](auto data) { lines_.feed(data); }));
    const auto deadline = std::chrono::steady_clock::now() + kServeEnd;
    pump.run([&] {
      return std::chrono::steady_clock::now() > deadline || (channel_->closed() && pump.finished(errors));
    });
  }

  int status() const { return channel_ ? channel_->exit_status().value_or(255) : 255; }

  JobContext& job_;
  SshTarget target_;
  std::vector<std::string> command_;
  LineSplitter lines_;
  // Created by the thread, used after it was joined; the channel is destroyed before its session.
  std::optional<ssh::Session> session_;
  std::unique_ptr<ssh::Channel> channel_;
  std::exception_ptr error_;
  Fd connected_;  // readable when the thread has finished
  bool ended_ = false;
  std::unique_ptr<ssh::Source> source_;
  std::unique_ptr<ssh::Sink> sink_;
  std::function<void(std::string_view)> inspect_;
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
  said_.push_back(parsed.text);
  if (said_.size() > kSaid) said_.pop_front();
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
    return Failure(ResultCode::repository_denied,
                   fmt::format("repository {} cannot be used by the server's user: chown -R cyborg {}", path,
                               quote(path)));
  };
  if (::access(path.c_str(), F_OK) != 0) {
    if (errno == EACCES) throw denied();
    throw Failure(ResultCode::repository_missing,
                  fmt::format("there is no repository at {}: cyborgctl repository prepare {}, with --anew if "
                              "it is lost",
                              path, spec.repository));
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
