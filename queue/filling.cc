// What the loader wants done: rows parked in the store, sites looked up.
#include <boost/asio/use_awaitable.hpp>

#include "queue/scheduler_state.h"

namespace consentry::queue {

namespace asio = boost::asio;

bool scheduler::state::fill() {
  const auto now = p.clock.now();
  memory.set_rules(rules());
  auto what = p.env.read([&](const read_txn& txn) {
    return from_disk.load(store_index{p.store, txn, p.tenant_name}, now);
  });
  if (!what) {
    storage_failed(what.error());
    return false;
  }
  const bool more = what->more;
  carry_out(std::move(*what));
  return more;
}

void scheduler::state::carry_out(loader::found what) {
  for (const auto in : {lane::prompt, lane::bulk})
    if (what.moves(in))
      tasks.spawn(
          park_rows(shared_from_this(), in, std::move(what.park[static_cast<std::size_t>(in)])));
  for (auto& domain : what.unknown) sites_to_find.push_back(std::move(domain));
  look_up_sites();
}

void scheduler::state::look_up_sites() {
  while (site_lookups < settings.site_lookups_max && !sites_to_find.empty()) {
    ++site_lookups;
    tasks.spawn(look_up(shared_from_this(), std::move(sites_to_find.front())));
    sites_to_find.pop_front();
  }
}

asio::awaitable<void> scheduler::state::look_up(std::shared_ptr<state> s, std::string domain) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await s->p.carrier.find_site(domain);
  --s->site_lookups;
  s->from_disk.site_known(std::move(domain));
  if (s->stopping) co_return;
  s->look_up_sites();
  s->wake();
}

asio::awaitable<void> scheduler::state::park_rows(
    std::shared_ptr<state> s, lane in, std::map<std::string, std::vector<due_row>> given) {
  auto rows = std::make_shared<const decltype(given)>(std::move(given));
  auto op = [s, rows](write_txn& txn) {
    for (const auto& [name, of_group] : *rows) s->p.store.park(txn, of_group, name);
  };
  const bool done = co_await s->commit(std::move(op));
  s->from_disk.parked(in, *rows, done);
  if (done)
    for (const auto& [name, of_group] : *rows) s->counters.parked += of_group.size();
  s->wake();
}

}  // namespace consentry::queue
