// A change of the store that may itself say no: committed, or not at all.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "app/admin/api.h"

namespace consentry::app::admin {

// f looks first and writes last, and may run twice.
template <class T>
boost::asio::awaitable<result<T>> commit_change(api_context& c,
                                                std::function<result<T>(write_txn&)> f) {
  auto answer = std::make_shared<std::optional<result<T>>>();
  commit_loop::operation op = [f = std::move(f), answer](write_txn& txn) {
    answer->emplace(f(txn));
  };
  if (auto done = co_await c.rooms.commits.commit(std::move(op)); !done) co_return done.error();
  co_return std::move(**answer);
}

}  // namespace consentry::app::admin
