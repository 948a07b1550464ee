// Moves bytes between file descriptors and ssh channels, in both directions, in one poll loop, without
// waiting for any single one and without buffering more than a little.
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
  virtual ssize_t read(std::span<char> buffer) = 0;  // as Channel::read
  virtual int poll_fd() const { return -1; }         // to wait for; a channel is served by its session
  // Milliseconds after which it is worth a look, where there is nothing to wait for; -1: whenever.
  virtual int patience() const { return -1; }
};

class Sink {
 public:
  virtual ~Sink() = default;
  virtual ssize_t write(std::string_view data) = 0;  // bytes taken, 0 for none now, -1 when it is gone
  virtual void finish() = 0;                         // the source ended
  virtual int poll_fd() const { return -1; }
};

std::unique_ptr<Source> from_fd(int fd);
// Of a pipe with room for what comes meanwhile: read every now and then, for a writer whose each small piece
// wakes its reader is slowed down by a fifth.
std::unique_ptr<Source> from_pipe_at_leisure(int fd);
std::unique_ptr<Source> from_channel(Channel& channel, Channel::Stream stream);
std::unique_ptr<Sink> to_fd(int fd);  // finish() shuts a socket down for writing
std::unique_ptr<Sink> to_channel(Channel& channel);
std::unique_ptr<Sink> to_function(std::function<void(std::string_view)> function);

class Pump {
 public:
  // All must outlive the pump. Of a session that is lost, run() throws why, unless it is told to `lost`;
  // then its channels end.
  void add_session(Session& session, std::function<void(std::exception_ptr)> lost = {});
  // `inspect` sees each piece before it goes on. Returns a number for finished().
  std::size_t connect(std::unique_ptr<Source> source, std::unique_ptr<Sink> sink,
                      std::function<void(std::string_view)> inspect = {});
  // The source ended and all it gave was taken.
  bool finished(std::size_t pipe) const { return pipes_[pipe].finished; }
  // Called when `fd` is readable.
  void watch(int fd, std::function<void()> function);
  void watch_once(int fd, std::function<void()> function);  // and never again
  // Called at least that often.
  void set_tick(int milliseconds, std::function<void()> function);
  // Until `done` says so. Throws what sessions and functions throw.
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
    int fd;  // -1: no more
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
