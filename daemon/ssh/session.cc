// SPDX-License-Identifier: GPL-3.0-or-later
#include "ssh/session.h"

#include <fmt/format.h>
#include <libssh/server.h>  // ssh_send_keepalive

#include <array>
#include <cstdlib>

#include "ssh/failure.h"
#include "ssh/tcp.h"
#include "ssh/tunnel.h"

namespace cyborg::ssh {
namespace {

// AES in hardware is fastest; without it, libssh's own order (chacha20 first) is right.
constexpr const char* kCiphers =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr";

// A server has several host keys, and presents the kind that is requested. If the first is not the pinned
// one, the pinned key may be of another kind.
constexpr std::array kHostKeyAlgorithms{"ssh-ed25519",
                                        "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
                                        "rsa-sha2-512,rsa-sha2-256"};

struct FreeKey {
  void operator()(ssh_key_struct* key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, FreeKey>;

std::string fingerprint(ssh_session session) {
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session, &raw) != SSH_OK) return {};
  const Key key{raw};
  unsigned char* hash = nullptr;
  std::size_t size = 0;
  if (ssh_get_publickey_hash(key.get(), SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0) return {};
  char* text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
  std::string result = text ? text : "";
  ssh_string_free_char(text);
  ssh_clean_pubkey_hash(&hash);
  return result;
}

template <typename T>
void set(ssh_session session, ssh_options_e option, const T& value) {
  if (ssh_options_set(session, option, value) != SSH_OK) {
    throw Failure(ResultCode::connection_failed, fmt::format("ssh: {}", ssh_get_error(session)));
  }
}

void configure(ssh_session session, const SshTarget& target, const char* host_key_algorithms) {
  const int no = 0;
  const long timeout = kConnectTimeout.count();
  const unsigned port = static_cast<unsigned>(target.port);
  set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);  // ignore the administrator's ~/.ssh/config
  set(session, SSH_OPTIONS_HOST, target.address.c_str());
  set(session, SSH_OPTIONS_PORT, &port);
  set(session, SSH_OPTIONS_USER, target.user.c_str());
  set(session, SSH_OPTIONS_SSH_DIR, "/nonexistent");
  set(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
  set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
  set(session, SSH_OPTIONS_TIMEOUT, &timeout);
  set(session, SSH_OPTIONS_CIPHERS_C_S, kCiphers);
  set(session, SSH_OPTIONS_CIPHERS_S_C, kCiphers);
  set(session, SSH_OPTIONS_COMPRESSION, "none");  // borg's data is already compressed and encrypted
  set(session, SSH_OPTIONS_HOSTKEYS, host_key_algorithms);
}

}  // namespace

void Session::Free::operator()(ssh_session_struct* session) const {
  ssh_disconnect(session);
  ssh_free(session);
}

void Session::Free::operator()(ssh_event_struct* event) const {
  ssh_event_free(event);
}

Session::Session(const SshTarget& target, const Credentials& credentials) : target_(target) {
  connect(credentials);
  listen();
  ssh_set_blocking(session_.get(), 0);
  event_.reset(ssh_event_new());
  ssh_event_add_session(event_.get(), session_.get());
}

Session::~Session() {
  if (event_ && session_) ssh_event_remove_session(event_.get(), session_.get());
}

std::string Session::name() const {
  return fmt::format("{}@{}", target_.user, target_.address);
}

void Session::connect(const Credentials& credentials) {
  std::string first;
  for (const char* algorithms : kHostKeyAlgorithms) {
    if (connect_with(algorithms, credentials)) break;
    if (first.empty()) first = host_key_;
    // There is no key of this kind, or it is not the pinned one: try the next kind.
  }
  if (!session_ && first.empty()) {
    throw Failure(ResultCode::connection_failed,
                  fmt::format("{} has no supported kind of host key", target_.address));
  }
  if (!session_) {
    throw Failure(
        ResultCode::host_key_mismatch,
        fmt::format("the host key of {} is {}, but it must be {}; nothing was sent to it. If the "
                    "machine was installed anew: cyborgctl client (or repository) set NAME host_key={}",
                    target_.address, first, target_.host_key, first));
  }
  authenticate(credentials);
}

// False if the server has a different host key, or none that the algorithms allow, and other kinds may be
// tried.
bool Session::connect_with(const char* algorithms, const Credentials& credentials) {
  tunnel_.reset();
  Fd fd;
  if (target_.jump.empty()) {
    fd = connect_tcp(target_.address, target_.port);
  } else {
    tunnel_ = std::make_unique<Tunnel>(target_, credentials);
    fd = tunnel_->take_fd();
  }
  session_.reset(ssh_new());
  if (!session_) throw std::bad_alloc{};
  configure(session_.get(), target_, algorithms);
  const int raw = fd.release();  // libssh closes it
  set(session_.get(), SSH_OPTIONS_FD, &raw);
  if (ssh_connect(session_.get()) != SSH_OK) {
    const std::string error = ssh_get_error(session_.get());
    session_.reset();
    if (error.find("no match for method server host key") != std::string::npos) return false;
    if (tunnel_) tunnel_->rethrow();
    throw Failure(ResultCode::connection_failed, fmt::format("the ssh connection to {} port {} failed: {}",
                                                             target_.address, target_.port, error));
  }
  host_key_ = fingerprint(session_.get());
  if (host_key_.empty())
    throw Failure(ResultCode::connection_failed, target_.address + " showed no host key");
  if (target_.host_key.empty() || target_.host_key == host_key_) return true;
  session_.reset();
  return false;
}

void Session::authenticate(const Credentials& credentials) {
  if (credentials.password.empty()) {
    authenticate_with_key(credentials.private_key);
  } else {
    authenticate_with_password(credentials.password);
  }
}

void Session::authenticate_with_key(const std::string& private_key) {
  ssh_key raw = nullptr;
  if (ssh_pki_import_privkey_base64(private_key.c_str(), nullptr, nullptr, nullptr, &raw) != SSH_OK) {
    throw Failure(ResultCode::ssh_key_invalid, "the server's private ssh key cannot be read");
  }
  const Key key{raw};
  // Do not request the list of methods first: the key is the only one available, and this saves a round trip.
  const int answer = ssh_userauth_publickey(session_.get(), nullptr, key.get());
  if (answer == SSH_AUTH_SUCCESS) return;
  if (answer == SSH_AUTH_ERROR) lost();
  throw Failure(ResultCode::authentication_failed,
                fmt::format("{} refuses the server's ssh key; install it: cyborgctl ssh-key show", name()));
}

void Session::authenticate_with_password(const std::string& password) {
  int answer = ssh_userauth_password(session_.get(), nullptr, password.c_str());
  if (answer == SSH_AUTH_DENIED) {
    // Many servers accept the same password only through the other method.
    answer = ssh_userauth_kbdint(session_.get(), nullptr, nullptr);
    while (answer == SSH_AUTH_INFO) {
      const int prompts = ssh_userauth_kbdint_getnprompts(session_.get());
      for (int i = 0; i < prompts; ++i) {
        ssh_userauth_kbdint_setanswer(session_.get(), static_cast<unsigned>(i), password.c_str());
      }
      answer = ssh_userauth_kbdint(session_.get(), nullptr, nullptr);
    }
  }
  if (answer == SSH_AUTH_SUCCESS) return;
  if (answer == SSH_AUTH_ERROR) lost();
  throw Failure(ResultCode::authentication_failed, fmt::format("{} refuses the password", name()));
}

void Session::lost() {
  lost_ = true;
  if (tunnel_) tunnel_->rethrow();
  throw Failure(ResultCode::connection_lost,
                fmt::format("the ssh connection to {} was lost: {}", name(), ssh_get_error(session_.get())));
}

std::string Session::host_public_key() const {
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session_.get(), &raw) != SSH_OK) return {};
  const Key key{raw};
  char* text = nullptr;
  if (ssh_pki_export_pubkey_base64(key.get(), &text) != SSH_OK) return {};
  std::string line = fmt::format("{} {}", ssh_key_type_to_char(ssh_key_type(key.get())), text);
  ssh_string_free_char(text);
  return line;
}

int Session::fd() const {
  return ssh_get_fd(session_.get());
}

bool Session::write_pending() const {
  return (ssh_get_poll_flags(session_.get()) & SSH_WRITE_PENDING) != 0;
}

void Session::listen() {
  heard_ = keepalive_ = std::chrono::steady_clock::now();
}

void Session::service(bool heard) {
  const auto now = std::chrono::steady_clock::now();
  if (heard) heard_ = now;
  if (now - heard_ > kDeadAfter) {
    lost_ = true;
    throw Failure(
        ResultCode::connection_lost,
        fmt::format("{} has not answered for {} s: the ssh connection is lost", name(), kDeadAfter.count()));
  }
  if (now - keepalive_ > kKeepaliveInterval) {
    keepalive_ = now;
    if (ssh_send_keepalive(session_.get()) != SSH_OK) lost();
  }
  if (ssh_event_dopoll(event_.get(), 0) == SSH_ERROR || !ssh_is_connected(session_.get())) lost();
}

}  // namespace cyborg::ssh
