// SPDX-License-Identifier: GPL-3.0-or-later
// A connection to PostgreSQL. Its functions block the thread, but never longer than their time-out: if a
// server stops answering, the connection counts as lost.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "store/values.h"

namespace cyborg::store {

class Row {
 public:
  Row(const PGresult* result, int row) : result_(result), row_(row) {}

  // Reads columns in the order of the select list; null becomes the type's default.
  template <typename... T>
  void read(T&... values) {
    (read_next(values), ...);
  }
  template <typename T>
  T get(int column) const {
    T value{};
    if (!is_null(column)) from_text(text(column), value);
    return value;
  }

 private:
  bool is_null(int column) const { return PQgetisnull(result_, row_, column) != 0; }
  std::string_view text(int column) const {
    return {PQgetvalue(result_, row_, column), static_cast<std::size_t>(PQgetlength(result_, row_, column))};
  }
  template <typename T>
  void read_next(T& value) {
    value = get<T>(column_++);
  }
  template <typename T>
  void read_next(std::optional<T>& value) {
    value.reset();
    if (!is_null(column_)) from_text(text(column_), value.emplace());
    ++column_;
  }

  const PGresult* result_;
  int row_;
  int column_ = 0;
};

class Result {
 public:
  explicit Result(PGresult* result) : result_(result, &PQclear) {}

  int size() const { return PQntuples(result_.get()); }
  bool empty() const { return size() == 0; }
  Row row(int index) const { return {result_.get(), index}; }
  std::int64_t affected() const;  // rows inserted, updated or deleted
  const PGresult* raw() const { return result_.get(); }

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

class Connection {
 public:
  using Timeout = std::chrono::milliseconds;
  static constexpr Timeout kTimeout{10'000};

  // Takes at most five seconds for each address in the connection string.
  static Expected<Connection> open(const std::string& conninfo);

  Expected<Result> run(const char* sql, const Params& params = {}, Timeout timeout = kTimeout);
  // Runs several statements at once, without parameters and results.
  Expected<void> run_script(const std::string& sql, Timeout timeout = kTimeout);

  // A complete COPY … FROM STDIN, with rows in PostgreSQL's text format.
  Expected<void> copy_in(const char* sql, std::string_view rows, Timeout timeout = kTimeout);
  // COPY … TO STDOUT; `row` is called with each row, including its line end, as it arrives.
  Expected<void> copy_out(const char* sql, const std::function<void(std::string_view)>& row, Timeout timeout);

  // Runs body in a transaction: commits if it returns a value, otherwise rolls back. Repeats it if the server
  // ended the transaction because of another one (serialization, deadlock).
  template <typename T, typename Body>
  Expected<T> transact(Body body);

  // Whether the connection is unusable; everything then fails with ErrorCode::unavailable.
  bool lost() const { return !connection_; }
  // Call it when socket() becomes readable between statements: reads the server's farewell.
  void check();
  int socket() const { return PQsocket(connection_.get()); }

  // of the last statement that failed
  const std::string& sqlstate() const { return sqlstate_; }
  const std::string& constraint() const { return constraint_; }

 private:
  using Handle = std::unique_ptr<PGconn, void (*)(PGconn*)>;
  using Deadline = std::chrono::steady_clock::time_point;

  explicit Connection(Handle connection) : connection_(std::move(connection)) {}
  static bool wait(PGconn* connection, short events, Deadline deadline);
  Expected<Result> collect(Timeout timeout);
  Expected<void> begin_copy(const char* sql, ExecStatusType expected, Deadline deadline);
  bool flush(Deadline deadline);
  Error give_up(std::string_view what);
  Error note(const PGresult* result);
  bool should_repeat() const { return sqlstate_ == "40001" || sqlstate_ == "40P01"; }

  Handle connection_;
  std::string sqlstate_;
  std::string constraint_;
};

template <typename T, typename Body>
Expected<T> Connection::transact(Body body) {
  for (int attempt = 1;; ++attempt) {
    sqlstate_.clear();
    auto begun = run("begin");
    if (!begun) return std::unexpected(begun.error());
    Expected<T> done = body();
    if (done) {
      auto committed = run("commit");
      if (committed) return done;
      done = std::unexpected(committed.error());
    }
    const bool repeat = should_repeat() && attempt < 4;
    // If the rollback fails (the connection is lost, or the commit failed), nothing was committed anyway.
    if (!lost()) static_cast<void>(run("rollback"));
    if (!repeat) return done;
  }
}

}  // namespace cyborg::store
