// SPDX-License-Identifier: GPL-3.0-or-later
// COPY: many rows at once, in both directions.
#include <poll.h>

#include "store/connection.h"

namespace cyborg::store {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

}  // namespace

// Sends the statement and waits until the server is ready for rows, or sends them.
Expected<void> Connection::begin_copy(const char* sql, ExecStatusType expected, Deadline deadline) {
  if (lost()) return std::unexpected(give_up("the connection was lost"));
  if (!PQsendQuery(connection_.get(), sql) || !flush(deadline)) {
    return std::unexpected(give_up(PQerrorMessage(connection_.get())));
  }
  while (PQisBusy(connection_.get())) {
    if (!wait(connection_.get(), POLLIN, deadline)) return std::unexpected(give_up("no answer in time"));
    if (!PQconsumeInput(connection_.get())) {
      return std::unexpected(give_up(PQerrorMessage(connection_.get())));
    }
  }
  const Result answer{PQgetResult(connection_.get())};
  if (PQresultStatus(answer.raw()) == expected) return {};
  Error error = note(answer.raw());
  if (auto rest = collect(kTimeout); !rest && lost()) return std::unexpected(rest.error());
  return std::unexpected(std::move(error));
}

Expected<void> Connection::copy_in(const char* sql, std::string_view rows, Timeout timeout) {
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  if (auto begun = begin_copy(sql, PGRES_COPY_IN, deadline); !begun) return begun;
  while (!rows.empty()) {
    const auto piece = rows.substr(0, kPiece);
    const int sent = PQputCopyData(connection_.get(), piece.data(), static_cast<int>(piece.size()));
    if (sent < 0) break;  // collect() returns the reason
    if (sent > 0) rows.remove_prefix(piece.size());
    if (!flush(deadline)) return std::unexpected(give_up(PQerrorMessage(connection_.get())));
  }
  while (PQputCopyEnd(connection_.get(), nullptr) == 0) {
    if (!flush(deadline)) return std::unexpected(give_up(PQerrorMessage(connection_.get())));
  }
  auto result = collect(timeout);
  if (!result) return std::unexpected(result.error());
  return {};
}

Expected<void> Connection::copy_out(const char* sql, const std::function<void(std::string_view)>& row,
                                    Timeout timeout) {
  const Deadline deadline = std::chrono::steady_clock::now() + timeout;
  if (auto begun = begin_copy(sql, PGRES_COPY_OUT, deadline); !begun) return begun;
  for (;;) {
    char* data = nullptr;
    const int size = PQgetCopyData(connection_.get(), &data, 1);
    if (size > 0) {
      const std::unique_ptr<char, void (*)(void*)> owner{data, &PQfreemem};
      row({data, static_cast<std::size_t>(size)});
    } else if (size < 0) {
      break;  // the end, or a failure, which collect() returns
    } else if (!wait(connection_.get(), POLLIN, deadline) || !PQconsumeInput(connection_.get())) {
      return std::unexpected(give_up("the rows stopped coming"));
    }
  }
  auto result = collect(timeout);
  if (!result) return std::unexpected(result.error());
  return {};
}

}  // namespace cyborg::store
