#include "app/tenant_tasks.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/dkim_rotation.h"
#include "app/domain_check.h"
#include "app/sender_preflight.h"
#include "app/tenant_export.h"
#include "app/tenant_notices.h"
#include "app/tenant_removal.h"
#include "base/log.h"

namespace consentry::app {

namespace asio = boost::asio;

namespace {

// RULES A2 3 allows five minutes for a letter.
constexpr std::chrono::seconds between_rounds{3};
constexpr std::chrono::seconds between_removals{60};
constexpr std::chrono::milliseconds between_slices{50};
constexpr std::chrono::milliseconds between_trims = std::chrono::minutes{30};
constexpr std::size_t rows_per_trim = 2000;

asio::awaitable<void> write_letters(tenant_services& s) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (;;) {
    const auto told = co_await send_all_tenant_notices(s);
    if (!told)
      log::error("app/tenant_tasks", "notices_failed", {{"cause", describe(told.error())}});
    timer.expires_after(between_rounds);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> prove_domains(tenant_services& s) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  domain_rounds next;
  for (;;) {
    co_await check_pending_domains(s, next);
    timer.expires_after(between_rounds);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> remove_the_ended(tenant_services& s) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (;;) {
    auto clean = [&s] {
      remove_old_exports(s);
      return true;
    };
    co_await s.workers.run(std::move(clean));
    const auto done = co_await remove_ended_tenants(s);
    if (!done)
      log::error("app/tenant_tasks", "removal_failed", {{"cause", describe(done.error())}});
    timer.expires_after(between_removals);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> forget_old_counts(tenant_services& s) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  auto resume = std::make_shared<std::string>();
  for (;;) {
    commit_loop::operation op = [&s, resume, from = *resume, now = s.clock.now()](write_txn& txn) {
      *resume = s.rooms.fingerprints.trim(txn, now, from, rows_per_trim);
    };
    const auto done = co_await s.rooms.commits.commit(std::move(op));
    if (!done) log::warn("app/tenant_tasks", "trim_failed", {{"cause", describe(done.error())}});
    timer.expires_after(done && !resume->empty() ? between_slices : between_trims);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

// A task for each, so that a name server that does not answer keeps no letter waiting; not `a &&
// b`: cancelled together they end in multiple_exceptions, which the scope takes for a bug.
void tend_tenants(task_scope& tasks, tenant_services& s) {
  tasks.spawn(write_letters(s));
  tasks.spawn(prove_domains(s));
  tasks.spawn(forget_old_counts(s));
  tasks.spawn(remove_the_ended(s));
  if (s.rotation != nullptr) tasks.spawn(s.rotation->keep_up());
  if (s.preflight != nullptr && s.preflight->runs_by_itself())
    for (unsigned lane = 0; lane < sender_preflight::lanes; ++lane)
      tasks.spawn(s.preflight->keep_up(lane));
}

}  // namespace consentry::app
