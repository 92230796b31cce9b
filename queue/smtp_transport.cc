#include "queue/smtp_transport.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <map>

#include "base/log.h"
#include "base/task_scope.h"
#include "smtp/client/transaction.h"

namespace consentry::queue {
namespace {

namespace asio = boost::asio;
using smtp::outcome;
using smtp::outcome_kind;
using smtp::outcome_scope;
using smtp::client::connection;
using std::chrono::steady_clock;

struct idle_connection {
  std::unique_ptr<connection> link;
  steady_clock::time_point since;
};

// Our own words: no reply, but the enhanced code that a DSN shows.
outcome of_failure(const failure& f) {
  const auto told = smtp::dns::to_reply(f);
  outcome o;
  o.kind = f.permanent ? outcome_kind::bounced : outcome_kind::deferred;
  o.scope = outcome_scope::site;
  o.last_reply.enhanced = told.enhanced;
  o.cause = told.text;
  return o;
}

// A source that names an address leaves from no other, so not in a family that it has none of.
bool can_reach(const source* from, const asio::ip::address& to) {
  if (from == nullptr || (!from->ipv4 && !from->ipv6)) return true;
  return to.is_v4() ? from->ipv4.has_value() : from->ipv6.has_value();
}

bool may_try_another_host(const outcome& o) {
  return o.kind == outcome_kind::deferred &&
         (o.scope == outcome_scope::site || o.scope == outcome_scope::session);
}

// Owns what the pieces of outgoing::content point into, in the coroutine's frame.
result<smtp::client::outgoing> make_outgoing(const transmission& t) {
  smtp::client::outgoing out;
  if (!t.return_path.empty()) {
    auto from = smtp::mailbox::parse(t.return_path);
    if (!from) return from.error();
    out.envelope.reverse_path = std::move(*from);
  }
  auto to = smtp::mailbox::parse(t.recipient);
  if (!to) return to.error();
  smtp::envelope_recipient recipient;
  recipient.address = std::move(*to);
  out.envelope.recipients.push_back(std::move(recipient));
  out.envelope.smtputf8 = t.smtputf8;
  if (t.content->eight_bit_body || t.content->eight_bit_header)
    out.envelope.body = smtp::body_type::eight_bit;
  out.envelope.declared_size = t.header.size() + t.content->body.size();
  out.content = {t.header, t.content->body};
  return out;
}

}  // namespace

struct smtp_transport::state {
  state(asio::any_io_executor e, smtp::dns::resolver& d, smtp_transport_settings s)
      : executor{e}, dns{d}, settings{std::move(s)}, tasks{e}, sweep_timer{e} {}

  asio::any_io_executor executor;
  smtp::dns::resolver& dns;
  const smtp_transport_settings settings;
  task_scope tasks;
  asio::steady_timer sweep_timer;
  std::map<std::string, std::deque<idle_connection>> pool;  // newest at the back
  std::size_t pooled = 0;
  bool sweeping = false;
  bool closed = false;

  struct sent {
    carried what;
    bool stale = false;
  };

  std::unique_ptr<connection> take_idle(const std::string& destination);
  void put_back(const departure& from, std::unique_ptr<connection> link);
  void say_quit(std::unique_ptr<connection> link);
  asio::awaitable<void> sweep();
  asio::awaitable<sent> send_over(std::unique_ptr<connection> link,
                                  std::shared_ptr<const transmission> t);
  asio::awaitable<result<std::vector<smtp::client::target>>> targets(
      std::shared_ptr<const transmission> t);
  asio::awaitable<smtp::client::open_result> open(smtp::client::target to,
                                                  std::shared_ptr<const transmission> t);
  asio::awaitable<carried> over_new(std::shared_ptr<const transmission> t);
};

std::unique_ptr<connection> smtp_transport::state::take_idle(const std::string& destination) {
  const auto found = pool.find(destination);
  if (found == pool.end()) return nullptr;
  auto link = std::move(found->second.back().link);
  found->second.pop_back();
  --pooled;
  if (found->second.empty()) pool.erase(found);
  return link;
}

void smtp_transport::state::put_back(const departure& from, std::unique_ptr<connection> link) {
  if (!link->is_open()) return;
  const bool worn_out = link->message_count() >= from.messages_per_connection_max;
  if (closed || worn_out || pooled >= settings.idle_max) return say_quit(std::move(link));
  auto& shelf = pool[from.path];
  if (shelf.size() >= settings.idle_per_destination) return say_quit(std::move(link));
  shelf.push_back({std::move(link), steady_clock::now()});
  ++pooled;
  if (!sweeping) {
    sweeping = true;
    tasks.spawn(sweep());
  }
}

namespace {
asio::awaitable<void> quit(std::unique_ptr<connection> link) {
  try {
    co_await link->quit();
  } catch (const boost::system::system_error&) {
    // Cancelled: closing is all that is left.
  }
}
}  // namespace

void smtp_transport::state::say_quit(std::unique_ptr<connection> link) {
  tasks.spawn(quit(std::move(link)));
}

// Runs while connections wait; ends when none does, or when cancelled.
asio::awaitable<void> smtp_transport::state::sweep() {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto pause = settings.idle_timeout / 4 + std::chrono::milliseconds{1};
  while (!pool.empty() && !closed) {
    sweep_timer.expires_after(pause);
    const auto [error] = co_await sweep_timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) break;
    const auto oldest = steady_clock::now() - settings.idle_timeout;
    for (auto it = pool.begin(); it != pool.end();) {
      auto& shelf = it->second;
      while (!shelf.empty() && shelf.front().since <= oldest) {
        say_quit(std::move(shelf.front().link));
        shelf.pop_front();
        --pooled;
      }
      it = shelf.empty() ? pool.erase(it) : std::next(it);
    }
  }
  sweeping = false;
}

auto smtp_transport::state::send_over(std::unique_ptr<connection> link,
                                      std::shared_ptr<const transmission> t)
    -> asio::awaitable<sent> {
  sent out;
  auto message = make_outgoing(*t);
  if (!message) {
    out.what.outcome.kind = outcome_kind::bounced;
    out.what.outcome.last_reply.enhanced = {5, 1, 3};
    out.what.outcome.cause = message.error().public_text;
    put_back(t->from, std::move(link));
    co_return out;
  }
  link->set_tap(t->tap);
  auto gate = t->may_start;
  auto r = co_await smtp::client::send(*link, std::move(*message), std::move(gate));
  out.stale = r.end == smtp::client::transaction_end::stale;
  out.what.broken_off = r.end == smtp::client::transaction_end::gated;
  out.what.maybe_delivered = r.may_have_been_delivered;
  if (!r.outcomes.empty()) out.what.outcome = std::move(r.outcomes.front());
  link->set_tap(nullptr);
  put_back(t->from, std::move(link));
  co_return out;
}

auto smtp_transport::state::targets(std::shared_ptr<const transmission> t)
    -> asio::awaitable<result<std::vector<smtp::client::target>>> {
  std::vector<smtp::dns::mx_host> hosts;
  auto port = settings.port;
  auto mx = settings.mx;
  if (const auto* way = t->routes->find(t->domain)) {
    port = way->port;
    // A route is the operator's word: a smarthost may stand on loopback.
    mx.allow_loopback = true;
    boost::system::error_code error;
    const auto address = asio::ip::make_address(way->host, error);
    if (!error) {  // the operator's word, whatever the source has
      std::vector<smtp::client::target> one{{way->host, address, port}};
      co_return one;
    }
    hosts.push_back({.name = way->host, .preference = 0});
  } else {
    auto plan = co_await smtp::dns::find_hosts(dns, t->domain, mx);
    if (!plan) co_return plan.error();
    hosts = std::move(plan->hosts);
  }
  std::vector<smtp::client::target> out;
  failure last{.kind = failure_kind::dns, .public_text = "no mail host has an address"};
  for (const auto& host : hosts) {
    if (out.size() >= settings.addresses_tried_max) break;
    auto found = co_await smtp::dns::find_addresses(dns, host.name, mx);
    if (!found) {
      // One host without an address says nothing final about the domain.
      last = found.error();
      last.permanent = last.permanent && hosts.size() == 1;
      continue;
    }
    for (const auto& address : *found)
      if (out.size() < settings.addresses_tried_max && can_reach(t->from.from, address))
        out.push_back({host.name, address, port});
  }
  if (out.empty()) co_return last;
  co_return out;
}

auto smtp_transport::state::open(smtp::client::target to, std::shared_ptr<const transmission> t)
    -> asio::awaitable<smtp::client::open_result> {
  auto with = settings.connection;
  const auto& from = t->from;
  with.tap = t->tap;
  if (with.tap)
    with.tap->noted(
        fmt::format("connecting to {} [{}]:{}", to.host_name, to.address.to_string(), to.port));
  if (from.from != nullptr) {
    with.source_ipv4 = from.from->ipv4;
    with.source_ipv6 = from.from->ipv6;
    if (!from.from->ehlo_name.empty()) with.ehlo_name = from.from->ehlo_name;
  }
  auto opened = co_await connection::open(to, with);
  if (opened.made || !opened.tls_failed || with.tls != smtp::client::tls_mode::opportunistic)
    co_return opened;
  log::info("queue/transport", "tls_failed_trying_clear",
            {{"host", to.host_name}, {"cause", opened.problem.cause}});
  with.tls = smtp::client::tls_mode::off;
  co_return co_await connection::open(to, with);
}

auto smtp_transport::state::over_new(std::shared_ptr<const transmission> t)
    -> asio::awaitable<carried> {
  carried out;
  auto all = co_await targets(t);
  if (!all) {
    out.outcome = of_failure(all.error());
    co_return out;
  }
  for (const auto& to : *all) {
    // Not worth a connection if the gate has closed meanwhile; send() asks again at the right
    // moment.
    if (!t->may_start()) {
      out.broken_off = true;
      co_return out;
    }
    auto opened = co_await open(to, t);
    if (opened.made) {
      auto done = co_await send_over(std::move(opened.made), t);
      out = std::move(done.what);
      if (done.stale) continue;
      if (out.broken_off || out.maybe_delivered) co_return out;
    } else {
      out = {};
      out.outcome = std::move(opened.problem);
    }
    if (!may_try_another_host(out.outcome)) break;
  }
  co_return out;
}

smtp_transport::smtp_transport(asio::any_io_executor executor, smtp::dns::resolver& dns,
                               smtp_transport_settings s)
    : state_{std::make_unique<state>(std::move(executor), dns, std::move(s))} {}
smtp_transport::~smtp_transport() = default;

asio::awaitable<carried> smtp_transport::transmit(std::shared_ptr<const transmission> t) {
  while (auto link = state_->take_idle(t->from.path)) {
    if (!link->is_open()) continue;
    auto done = co_await state_->send_over(std::move(link), t);
    if (!done.stale) co_return std::move(done.what);
  }
  co_return co_await state_->over_new(t);
}

asio::awaitable<void> smtp_transport::close() {
  state_->closed = true;
  for (auto& [destination, shelf] : state_->pool)
    for (auto& waiting : shelf) state_->say_quit(std::move(waiting.link));
  state_->pool.clear();
  state_->pooled = 0;
  state_->sweep_timer.cancel();
  // QUIT has its own short deadline.
  co_await state_->tasks.drained();
}

std::size_t smtp_transport::idle() const noexcept {
  return state_->pooled;
}

}  // namespace consentry::queue
