// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace cyborg::store {
namespace {

using std::chrono::steady_clock;

// libpq's messages have several lines, and a newline at the end.
std::string one_line(std::string_view message) {
  std::string line;
  for (const char c : message) {
    const bool space = c == '\n' || c == '\t' || c == ' ';
    if (!space) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text ? text : "";
}

// Classes and codes of PostgreSQL's appendix A; conditions that may pass within a minute are `unavailable`.
ErrorCode error_code(std::string_view sqlstate) {
  static constexpr std::array<std::string_view, 6> kTransient{
      "08",     // connection exceptions
      "53",     // disk full, out of memory, too many connections
      "57",     // shutdown, crash of another backend, statement_timeout
      "40",     // serialization failure, deadlock
      "55P03",  // lock_timeout
      "25006",  // read-only: a standby
  };
  const auto matches = [&](std::string_view prefix) { return sqlstate.starts_with(prefix); };
  if (std::ranges::any_of(kTransient, matches)) return ErrorCode::unavailable;
  if (sqlstate == "23505") return ErrorCode::name_taken;
  if (sqlstate == "23503" || sqlstate == "23001") return ErrorCode::in_use;
  if (sqlstate.starts_with("22") || sqlstate.starts_with("23")) return ErrorCode::invalid_argument;
  return ErrorCode::failed;
}

// The administrator's conninfo is expanded from dbname, and may override the parameters before it.
PGconn* connect(const std::string& conninfo) {
  const std::array<const char*, 10> keywords{"connect_timeout",     "keepalives_idle",
                                             "keepalives_interval", "keepalives_count",
                                             "tcp_user_timeout",    "target_session_attrs",
                                             "application_name",    "dbname",
                                             "client_encoding",     nullptr};
  const std::array<const char*, 10> values{
      "5", "10", "3", "3", "10000", "read-write", "cyborgd", conninfo.c_str(), "UTF8", nullptr};
  return PQconnectdbParams(keywords.data(), values.data(), 1);
}

// Text parameters end at their first NUL.
Expected<void> refuse_nul(const Params& params) {
  for (const auto& value : params.values()) {
    if (!value.binary && value.text && value.text->find('\0') != std::string::npos) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("\"{}\" contains a NUL character, which cannot be stored", value.text->c_str()));
    }
  }
  return {};
}

}  // namespace

bool is_remote(const std::string& conninfo) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options{
      PQconninfoParse(conninfo.c_str(), nullptr), &PQconninfoFree};
  for (const auto* option = options.get(); option && option->keyword; ++option) {
    const std::string_view keyword = option->keyword;
    const std::string_view value = option->val ? option->val : "";
    if (keyword == "hostaddr" && !value.empty()) return true;
    if (keyword == "host" && !value.empty() && !value.starts_with('/')) return true;
  }
  return false;
}

std::int64_t Result::affected() const {
  const char* text = PQcmdTuples(result_.get());
  std::int64_t count = 0;
  std::from_chars(text, text + std::strlen(text), count);
  return count;
}

Expected<Connection> Connection::open(const std::string& conninfo) {
  // Blocks, because only then does connect_timeout make libpq try the next host.
  Handle handle{connect(conninfo), &PQfinish};
  if (!handle) return fail(ErrorCode::unavailable, "PostgreSQL: out of memory");
  if (PQstatus(handle.get()) != CONNECTION_OK) {
    return fail(ErrorCode::unavailable,
                fmt::format("PostgreSQL: {}", one_line(PQerrorMessage(handle.get()))));
  }
  PQsetNoticeProcessor(handle.get(), [](void*, const char*) {}, nullptr);
  PQsetnonblocking(handle.get(), 1);
  Connection connection{std::move(handle)};
  // Slightly less than our own limits, so that the server gives up first and reports the reason. No statement
  // here is worth JIT compilation.
  auto session = connection.run_script(
      "set statement_timeout = '9s'; set lock_timeout = '5s'; set idle_in_transaction_session_timeout = "
      "'1min';"
      " set timezone = 'UTC'; set bytea_output = 'hex'; set jit = off");
  if (!session) return std::unexpected(session.error());
  return connection;
}

bool Connection::wait(PGconn* connection, short events, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
    if (left <= 0) return false;
    pollfd poll_for{PQsocket(connection), events, 0};
    const int ready = poll(&poll_for, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

Error Connection::give_up(std::string_view what) {
  sqlstate_.clear();
  constraint_.clear();
  connection_.reset();
  return {ErrorCode::unavailable, fmt::format("PostgreSQL: {}", what), {}};
}

void Connection::check() {
  // The server's farewell is a message, followed by the end of the stream.
  while (!lost()) {
    pollfd poll_for{PQsocket(connection_.get()), POLLIN, 0};
    if (poll(&poll_for, 1, 0) <= 0) return;
    const bool good = PQconsumeInput(connection_.get()) && PQstatus(connection_.get()) != CONNECTION_BAD;
    // Reads notices and parameter changes from the buffer.
    if (!good || PQisBusy(connection_.get())) connection_.reset();
  }
}

bool Connection::flush(Deadline deadline) {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left <= 0) return left == 0;
    if (!wait(connection_.get(), POLLIN | POLLOUT, deadline)) return false;
    if (!PQconsumeInput(connection_.get())) return false;
  }
}

Error Connection::note(const PGresult* result) {
  sqlstate_ = field(result, PG_DIAG_SQLSTATE);
  constraint_ = field(result, PG_DIAG_CONSTRAINT_NAME);
  std::string message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) message = one_line(PQresultErrorMessage(result));
  const std::string detail = field(result, PG_DIAG_MESSAGE_DETAIL);
  if (!detail.empty()) message += fmt::format(" ({})", one_line(detail));
  return {error_code(sqlstate_), fmt::format("PostgreSQL: {}", message), {}};
}

// Returns the last result of the statements sent. Stops at the first failure that loses the connection.
Expected<Result> Connection::collect(Timeout timeout) {
  const Deadline deadline = steady_clock::now() + timeout;
  const auto lost_while = [&] {
    return std::unexpected(give_up(one_line(PQerrorMessage(connection_.get()))));
  };
  const auto too_slow = [&] {
    return std::unexpected(give_up(fmt::format("no answer within {} s", timeout.count() / 1000)));
  };
  if (!flush(deadline)) return steady_clock::now() < deadline ? lost_while() : too_slow();
  Result last{nullptr};
  std::optional<Error> error;
  for (;;) {
    while (PQisBusy(connection_.get())) {
      if (!wait(connection_.get(), POLLIN, deadline)) return too_slow();
      if (!PQconsumeInput(connection_.get())) return lost_while();
    }
    Result next{PQgetResult(connection_.get())};
    if (!next.raw()) break;
    const auto status = PQresultStatus(next.raw());
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    if (!good && !error) error = note(next.raw());
    if (PQstatus(connection_.get()) == CONNECTION_BAD) break;
    last = std::move(next);
  }
  if (PQstatus(connection_.get()) == CONNECTION_BAD) {
    return error
               ? std::unexpected(give_up(std::string_view{error->message}.substr(sizeof "PostgreSQL: " - 1)))
               : lost_while();
  }
  if (error) return std::unexpected(std::move(*error));
  return last;
}

Expected<Result> Connection::run(const char* sql, const Params& params, Timeout timeout) {
  if (lost()) return std::unexpected(give_up("the connection was lost"));
  if (auto clean = refuse_nul(params); !clean) return std::unexpected(clean.error());
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const auto& value : params.values()) {
    values.push_back(value.text ? value.text->data() : nullptr);
    lengths.push_back(value.text ? static_cast<int>(value.text->size()) : 0);
    formats.push_back(value.binary ? 1 : 0);
  }
  if (!PQsendQueryParams(connection_.get(), sql, static_cast<int>(values.size()), nullptr, values.data(),
                         lengths.data(), formats.data(), 0)) {
    return std::unexpected(give_up(one_line(PQerrorMessage(connection_.get()))));
  }
  return collect(timeout);
}

Expected<void> Connection::run_script(const std::string& sql, Timeout timeout) {
  if (lost()) return std::unexpected(give_up("the connection was lost"));
  if (!PQsendQuery(connection_.get(), sql.c_str())) {
    return std::unexpected(give_up(one_line(PQerrorMessage(connection_.get()))));
  }
  auto result = collect(timeout);
  if (!result) return std::unexpected(result.error());
  return {};
}

}  // namespace cyborg::store
