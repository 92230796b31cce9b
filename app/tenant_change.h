// One change of tenants, credentials or domains: committed, and seen by all readers when it
// returns.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "app/store_rooms.h"

namespace consentry::app {

// f may itself say no and is re-runnable. What it returns counts only after the commit.
template <class T>
boost::asio::awaitable<result<T>> change_tenants(store_rooms& rooms,
                                                 std::function<result<T>(write_txn&)> f) {
  auto answer = std::make_shared<std::optional<result<T>>>();
  commit_loop::operation op = [f = std::move(f), answer](write_txn& txn) {
    answer->emplace(f(txn));
  };
  if (auto done = co_await rooms.commits.commit(std::move(op)); !done) co_return done.error();
  if (!**answer) co_return (*answer)->error();
  if (auto loaded = rooms.reload_directory(); !loaded) co_return loaded.error();
  co_return std::move(**answer);
}

}  // namespace consentry::app
