// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <json/writer.h>
#include <linux/sockios.h>
#include <sodium/utils.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <thread>

#include "core/utf8.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr std::size_t kFlushSize = 64 * 1024;
constexpr std::chrono::milliseconds kFlushAfter{200};
constexpr std::string_view kHidden = "<hidden>";
// A shorter secret would blank out half of every line, and protect nothing.
constexpr std::size_t kMinSecret = 3;

std::int64_t now_microseconds() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

bool is_printable(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

// The text as JSON writes it between quotes.
std::string json_escaped(const std::string& text, bool as_ascii) {
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "";
  builder["emitUTF8"] = !as_ascii;
  std::string quoted = Json::writeString(builder, Json::Value{text});
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

std::string to_valid_utf8(std::string_view text) {
  const bool plain = std::ranges::all_of(
      text, [](char c) { return is_printable(c) && static_cast<unsigned char>(c) < 0x80; });
  if (plain) return std::string{text};
  std::string valid;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || !is_printable(text[0])) {
      valid += kReplacementCharacter;
      text.remove_prefix(std::max<std::size_t>(length, 1));
    } else {
      valid += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return valid;
}

Output::Output(const std::string& directory) {
  const std::string path = directory + "/output";
  file_ = Fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0660)};
  if (!file_) {
    throw Failure(ResultCode::state_directory,
                  fmt::format("{} cannot be written: {}", path, std::strerror(errno)));
  }
}

Output::~Output() {
  flush();
  for (auto& secret : secrets_) sodium_memzero(secret.data(), secret.size());
}

void Output::hide(std::string_view secret) {
  if (secret.size() < kMinSecret) return;
  const std::string text{secret};
  for (const auto& form : {text, json_escaped(text, true), json_escaped(text, false)}) {
    if (std::ranges::find(secrets_, form) == secrets_.end()) secrets_.push_back(form);
  }
  // One form may contain another: the longest first.
  std::ranges::sort(secrets_, std::greater{}, &std::string::size);
}

std::string Output::redact(std::string_view text) const {
  std::string redacted{text};
  for (const auto& secret : secrets_) {
    for (auto at = redacted.find(secret); at != std::string::npos; at = redacted.find(secret, at)) {
      redacted.replace(at, secret.size(), kHidden);
      at += kHidden.size();
    }
  }
  return redacted;
}

void Output::line(int priority, std::string_view text) {
  const std::string redacted = redact(text);  // before splitting: a secret may have line breaks
  std::string_view rest = redacted;
  while (rest.ends_with('\n') || rest.ends_with('\r')) rest.remove_suffix(1);
  do {
    const auto end = rest.find('\n');
    one_line(priority, rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  } while (!rest.empty());
}

void Output::one_line(int priority, std::string_view text) {
  const std::string valid = to_valid_utf8(text);
  if (to_file_.empty()) oldest_ = std::chrono::steady_clock::now();
  fmt::format_to(std::back_inserter(to_journal_), "<{}>{}\n", priority, valid);
  fmt::format_to(std::back_inserter(to_file_), "{} {} {}\n", priority, now_microseconds(), valid);
  if (to_file_.size() >= kFlushSize) flush();
}

void Output::flush() {
  if (to_file_.empty()) return;
  if (!write_all(file_.get(), to_file_) && !file_failed_) {
    file_failed_ = true;  // a full disk: the journal still has all lines
    to_journal_ += fmt::format("<3>the output file cannot be written: error {}\n", errno);
  }
  (void)write_all(STDOUT_FILENO, to_journal_);  // without a journal, the file still has all lines
  to_file_.clear();
  to_journal_.clear();
}

void Output::wait_for_journal() {
  constexpr std::chrono::milliseconds kPause{2};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes{1};
  int unread = 0;
  // Fails immediately if it is not a socket, such as a terminal.
  while (::ioctl(STDOUT_FILENO, SIOCOUTQ, &unread) == 0 && unread > 0 &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kPause);
  }
}

void Output::tick() {
  if (!to_file_.empty() && std::chrono::steady_clock::now() - oldest_ >= kFlushAfter) flush();
}

}  // namespace cyborg
