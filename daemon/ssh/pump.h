// SPDX-License-Identifier: GPL-3.0-or-later
// Moves bytes between file descriptors and ssh channels in both directions, in one poll loop that never waits
// for a single one of them and buffers only little.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "ssh/session.h"

namespace cyborg::ssh {

class Source {
 public:
  virtual ~Source() = default;
  virtual ssize_t read(std::span<char> buffer) = 0;  // like Channel::read
  virtual int poll_fd() const { return -1; }         // to wait for; a channel is served by its session
  // Milliseconds after which to try reading a source that cannot be polled; -1: no limit.
  virtual int patience() const { return -1; }
};

class Sink {
 public:
  virtual ~Sink() = default;
  // returns the number of bytes taken, 0 for none now, -1 if the sink is closed
  virtual ssize_t write(std::string_view data) = 0;
  virtual void finish() = 0;  // the source ended
  virtual int poll_fd() const { return -1; }
};

std::unique_ptr<Source> from_fd(int fd);
// For a pipe with room for the data that arrives meanwhile: read only at intervals, because a writer that
// wakes its reader for each small piece is slowed down by a fifth.
std::unique_ptr<Source> from_pipe_at_leisure(int fd);
std::unique_ptr<Source> from_channel(Channel& channel, Channel::Stream stream);
std::unique_ptr<Sink> to_fd(int fd);  // finish() shuts a socket down for writing
std::unique_ptr<Sink> to_channel(Channel& channel);
std::unique_ptr<Sink> to_function(std::function<void(std::string_view)> function);

class Pump {
 public:
  // All arguments must outlive the pump. When a session is lost, run() throws the reason or, if `lost` is
  // given, calls it instead; the session's channels then end.
  void add_session(Session& session, std::function<void(std::exception_ptr)> lost = {});
  // `inspect` sees each piece before it is passed on. Returns a number for finished().
  std::size_t connect(std::unique_ptr<Source> source, std::unique_ptr<Sink> sink,
                      std::function<void(std::string_view)> inspect = {});
  // The source has ended and all its data was written.
  bool finished(std::size_t pipe) const { return pipes_[pipe].finished; }
  // Called when `fd` is readable.
  void watch(int fd, std::function<void()> function);
  void watch_once(int fd, std::function<void()> function);  // like watch(), but called only once
  // Called at least that often.
  void set_tick(int milliseconds, std::function<void()> function);
  // Runs until `done` returns true. Throws the exceptions of sessions and functions.
  void run(const std::function<bool()>& done);

 private:
  struct Pipe {
    std::unique_ptr<Source> source;
    std::unique_ptr<Sink> sink;
    std::function<void(std::string_view)> inspect;
    std::vector<char> buffer;
    std::size_t begin = 0;
    std::size_t end = 0;
    bool source_ended = false;
    bool finished = false;
  };
  struct Watch {
    int fd;  // -1: no more data
    std::function<void()> function;
    bool once;
  };
  struct Served {
    Session* session;
    std::function<void(std::exception_ptr)> lost;
  };

  static bool step(Pipe& pipe);
  static bool fill(Pipe& pipe);
  static bool drain(Pipe& pipe);
  static void serve(const Served& served, bool heard);
  void wait();
  int patience() const;

  std::vector<Served> sessions_;
  std::vector<Pipe> pipes_;
  std::vector<Watch> watches_;
  std::function<void()> tick_;
  int tick_milliseconds_ = 1000;
};

}  // namespace cyborg::ssh
