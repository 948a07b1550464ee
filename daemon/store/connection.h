// One connection to PostgreSQL. Blocks its thread, but never for longer than it was told: a server that
// stopped answering is a lost connection.
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

  // Columns in the order of the select list; null is the type's default.
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

  // At most five seconds for each address of the connection string.
  static Expected<Connection> open(const std::string& conninfo);

  Expected<Result> run(const char* sql, const Params& params = {}, Timeout timeout = kTimeout);
  // Several statements at once, without parameters and results.
  Expected<void> run_script(const std::string& sql, Timeout timeout = kTimeout);

  // A whole COPY … FROM STDIN, its rows in PostgreSQL's text format.
  Expected<void> copy_in(const char* sql, std::string_view rows, Timeout timeout = kTimeout);
  // COPY … TO STDOUT; `row` gets each row, its line end included, while they come.
  Expected<void> copy_out(const char* sql, const std::function<void(std::string_view)>& row, Timeout timeout);

  // Runs body in a transaction: committed if it answers a value, else rolled back. Again from the start if
  // the server ended it for the sake of another (serialization, deadlock).
  template <typename T, typename Body>
  Expected<T> transact(Body body);

  // The connection is unusable; everything fails with ErrorCode::unavailable.
  bool lost() const { return !connection_; }
  // To call when socket() is readable while nothing runs: takes in the server's farewell.
  void check();
  int socket() const { return PQsocket(connection_.get()); }

  // Of the last statement that failed.
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
    // Its own failure (the connection is lost, or the commit failed) changes nothing: nothing was committed.
    if (!lost()) static_cast<void>(run("rollback"));
    if (!repeat) return done;
  }
}

}  // namespace cyborg::store
