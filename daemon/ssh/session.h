// SPDX-License-Identifier: GPL-3.0-or-later
// An authenticated ssh connection and its channels: libssh with lifetimes. A Session and its Channels belong
// to one thread.
#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <string.h>  // explicit_bzero

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/fd.h"
#include "core/job_spec.h"

namespace cyborg::ssh {

class Tunnel;

struct Credentials {
  std::string private_key;  // OpenSSH format
  std::string password;     // if it is not empty, it is used instead of the key
  ~Credentials() {
    ::explicit_bzero(private_key.data(), private_key.size());
    ::explicit_bzero(password.data(), password.size());
  }
};

class Session {
 public:
  // Connects (through target.jump if set), verifies the host key, then authenticates: until the host key is
  // verified, nothing but the key exchange is sent. Throws Failure.
  Session(const SshTarget& target, const Credentials& credentials);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::string& host_key() const { return host_key_; }  // SHA256:…
  std::string host_public_key() const;                       // "ssh-ed25519 AAAA…", as in known_hosts
  int fd() const;
  bool write_pending() const;  // libssh has data that the socket has not taken yet
  // Lets libssh read and write as much as possible without waiting; `heard` if the socket was readable.
  // Throws Failure connection-lost if the peer is gone or silent for too long.
  void service(bool heard);
  void listen();                          // from now on service() is called: its silence counts
  bool is_lost() const { return lost_; }  // whether service() threw
  std::string name() const;               // user@host, for messages

 private:
  friend class Channel;
  struct Free {
    void operator()(ssh_session_struct* session) const;
    void operator()(ssh_event_struct* event) const;
  };
  using Handle = std::unique_ptr<ssh_session_struct, Free>;

  void connect(const Credentials& credentials);
  bool connect_with(const char* host_key_algorithms, const Credentials& credentials);
  void authenticate(const Credentials& credentials);
  void authenticate_with_key(const std::string& private_key);
  void authenticate_with_password(const std::string& password);
  [[noreturn]] void lost();

  SshTarget target_;
  std::unique_ptr<Tunnel> tunnel_;  // outlives the session that uses it
  Handle session_;
  std::unique_ptr<ssh_event_struct, Free> event_;
  std::string host_key_;
  std::chrono::steady_clock::time_point heard_;
  std::chrono::steady_clock::time_point keepalive_;
  bool lost_ = false;
};

// A command on the remote host, or a forwarded connection.
class Channel {
 public:
  enum class Stream { output, error };

  static std::unique_ptr<Channel> execute(Session& session, const std::string& command);
  static std::unique_ptr<Channel> forward(Session& session, const std::string& host, int port);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // No function waits. read() returns the number of bytes read, 0 for none now, -1 at the end of the stream.
  ssize_t read(Stream stream, std::span<char> buffer);
  std::size_t write(std::string_view data);  // returns the number of bytes taken
  bool writable() const;                     // false once the other side closed
  void send_eof();
  bool closed() const;
  // 128 + n for a signal; nullopt if the connection ended without a status.
  std::optional<int> exit_status() const { return exit_status_; }

 private:
  explicit Channel(Session& session);
  void watch_end();

  Session& session_;
  ssh_channel channel_ = nullptr;
  ssh_channel_callbacks_struct callbacks_{};
  std::optional<int> exit_status_;
  bool eof_sent_ = false;
};

}  // namespace cyborg::ssh
