#include "queue/smtp_transport.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <map>
#include <set>

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

// A connection and what it was opened for.
struct open_connection {
  std::unique_ptr<connection> link;
  std::string shelf;        // path, and the strength of what it was opened under
  bool is_by_dane = false;  // else an enforced policy has to name its host
  std::string only_domain;  // opened_link

  bool serves(const tls_demand& demand, const std::string& domain) const {
    if (!only_domain.empty() && only_domain != domain) return false;
    return !demand.enforces_sts() || is_by_dane || matches(*demand.sts, link->peer().host_name);
  }
};

struct idle_connection {
  open_connection held;
  steady_clock::time_point since;
};

std::string shelf_of(const departure& from, const tls_demand& demand) {
  const auto strength = demand.strength();
  return strength.empty() ? from.path : from.path + '\n' + strength;
}

// Where a message can go, and what it demands there.
struct itinerary {
  struct stop {
    std::size_t host = 0;
    smtp::client::target to;
  };
  tls_demand demand;
  std::vector<mail_host> hosts;
  std::vector<stop> stops;
};

// Our own words: no reply, but the enhanced code that a DSN shows.
outcome of_failure(const failure& f) {
  if (f.kind == failure_kind::storage_broken) {
    outcome broken;
    broken.last_reply.enhanced = {4, 3, 0};
    broken.cause = "the policies of the domain cannot be read: " + f.private_cause;
    return broken;
  }
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
  out.envelope.require_tls = t.tls == smtp::tls_wish::required;
  if (t.content->eight_bit_body || t.content->eight_bit_header)
    out.envelope.body = smtp::body_type::eight_bit;
  out.envelope.declared_size = t.header.size() + t.content->body.size();
  out.content = {t.header, t.content->body};
  return out;
}

}  // namespace

using host_key = std::pair<asio::ip::address, std::uint16_t>;

struct smtp_transport::state {
  state(asio::any_io_executor e, smtp::dns::resolver& d, smtp_transport_settings s,
        smtp::security::mta_sts_cache* sts)
      : executor{e},
        dns{d},
        settings{std::move(s)},
        opening{d, sts, settings.connection, settings.tls},
        tasks{e},
        sweep_timer{e} {}

  asio::any_io_executor executor;
  smtp::dns::resolver& dns;
  const smtp_transport_settings settings;
  secure_opening opening;
  task_scope tasks;
  asio::steady_timer sweep_timer;
  std::map<std::string, std::deque<idle_connection>> pool;  // newest at the back
  std::size_t pooled = 0;
  // Hosts that offer CHUNKING and do not know BDAT.
  std::set<host_key> without_chunking;
  bool sweeping = false;
  bool closed = false;

  struct sent {
    carried what;
    bool stale = false;
  };

  std::optional<open_connection> take_idle(const departure& from, const tls_demand& demand,
                                           const std::string& domain);
  void put_back(const departure& from, open_connection used);
  void say_quit(std::unique_ptr<connection> link);
  void refuses_chunking(const host_key& host);
  asio::awaitable<void> sweep();
  asio::awaitable<sent> send_over(open_connection over, std::shared_ptr<const transmission> t);
  asio::awaitable<result<itinerary>> find_stops(std::shared_ptr<const transmission> t);
  asio::awaitable<result<void>> find_hosts(std::shared_ptr<const transmission> t, itinerary& way);
  std::optional<tls_demand> demand_known(const transmission& t) const;
  asio::awaitable<carried> over_new(std::shared_ptr<const transmission> t);
};

std::optional<open_connection> smtp_transport::state::take_idle(const departure& from,
                                                                const tls_demand& demand,
                                                                const std::string& domain) {
  const auto found = pool.find(shelf_of(from, demand));
  if (found == pool.end()) return std::nullopt;
  auto& shelf = found->second;
  for (auto it = shelf.end(); it != shelf.begin();) {
    --it;
    if (!it->held.serves(demand, domain)) continue;
    auto out = std::move(it->held);
    shelf.erase(it);
    --pooled;
    if (shelf.empty()) pool.erase(found);
    return out;
  }
  return std::nullopt;
}

void smtp_transport::state::put_back(const departure& from, open_connection used) {
  if (!used.link->is_open()) return;
  const bool worn_out = used.link->message_count() >= from.messages_per_connection_max;
  if (closed || worn_out || pooled >= settings.idle_max) return say_quit(std::move(used.link));
  auto& shelf = pool[used.shelf];
  if (shelf.size() >= settings.idle_per_destination) return say_quit(std::move(used.link));
  shelf.push_back({std::move(used), steady_clock::now()});
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

void smtp_transport::state::refuses_chunking(const host_key& host) {
  constexpr std::size_t hosts_max = 1000;
  if (without_chunking.size() >= hosts_max) without_chunking.clear();
  without_chunking.insert(host);
  log::info("queue/transport", "chunking_refused", {{"address", host.first.to_string()}});
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
        say_quit(std::move(shelf.front().held.link));
        shelf.pop_front();
        --pooled;
      }
      it = shelf.empty() ? pool.erase(it) : std::next(it);
    }
  }
  sweeping = false;
}

auto smtp_transport::state::send_over(open_connection over, std::shared_ptr<const transmission> t)
    -> asio::awaitable<sent> {
  sent out;
  auto message = make_outgoing(*t);
  if (!message) {
    out.what.outcome.kind = outcome_kind::bounced;
    out.what.outcome.last_reply.enhanced = {5, 1, 3};
    out.what.outcome.cause = message.error().public_text;
    put_back(t->from, std::move(over));
    co_return out;
  }
  over.link->set_tap(t->tap);
  const auto& peer = over.link->peer();
  const host_key host{peer.address, peer.port};
  message->uses_chunking = settings.uses_chunking && !without_chunking.contains(host);
  auto gate = t->may_start;
  auto r = co_await smtp::client::send(*over.link, std::move(*message), std::move(gate));
  out.stale = r.end == smtp::client::transaction_end::stale;
  out.what.broken_off = r.end == smtp::client::transaction_end::gated;
  out.what.maybe_delivered = r.may_have_been_delivered;
  if (r.chunking_refused) refuses_chunking(host);
  if (!r.outcomes.empty()) out.what.outcome = std::move(r.outcomes.front());
  over.link->set_tap(nullptr);
  put_back(t->from, std::move(over));
  co_return out;
}

// What the domain demands, if that can be said without waiting.
std::optional<tls_demand> smtp_transport::state::demand_known(const transmission& t) const {
  if (t.routes->find(t.domain) == nullptr) return opening.recent(t.domain, t.tls);
  tls_demand routed;
  routed.is_routed = true;
  routed.wish = t.tls;
  return routed;
}

// The mail hosts of the domain and what it demands of them; routed mail has none of its own.
auto smtp_transport::state::find_hosts(std::shared_ptr<const transmission> t, itinerary& way)
    -> asio::awaitable<result<void>> {
  auto plan = co_await smtp::dns::find_hosts(dns, t->domain, settings.mx);
  if (!plan) co_return plan.error();
  auto demand = co_await opening.demand_of(t->domain, t->tls);
  if (!demand) co_return demand.error();
  way.demand = std::move(*demand);
  way.demand.is_mx_secure = plan->is_secure;
  opening.remember(t->domain, way.demand);
  for (auto& host : plan->hosts) way.hosts.push_back({.name = std::move(host.name)});
  co_return result<void>{};
}

auto smtp_transport::state::find_stops(std::shared_ptr<const transmission> t)
    -> asio::awaitable<result<itinerary>> {
  itinerary out;
  auto port = settings.port;
  auto mx = settings.mx;
  if (const auto* way = t->routes->find(t->domain)) {
    port = way->port;
    out.demand = *demand_known(*t);
    // A route is the operator's word: a smarthost may stand on loopback.
    mx.allow_loopback = true;
    out.hosts.push_back({.name = way->host});
    boost::system::error_code error;
    const auto address = asio::ip::make_address(way->host, error);
    if (!error) {  // the operator's word, whatever the source has
      out.stops.push_back({0, {way->host, address, port}});
      co_return out;
    }
  } else {
    auto found = co_await find_hosts(t, out);
    if (!found) co_return found.error();
  }
  failure last{.kind = failure_kind::dns, .public_text = "no mail host has an address"};
  for (std::size_t i = 0; i < out.hosts.size(); ++i) {
    auto& host = out.hosts[i];
    if (out.stops.size() >= settings.addresses_tried_max) break;
    auto found = co_await smtp::dns::find_host(dns, host.name, mx);
    if (!found) {
      // One host without an address says nothing final about the domain.
      last = found.error();
      last.permanent = last.permanent && out.hosts.size() == 1;
      continue;
    }
    host.found = std::move(*found);
    for (const auto& address : host.found.addresses)
      if (out.stops.size() < settings.addresses_tried_max && can_reach(t->from.from, address))
        out.stops.push_back({i, {host.name, address, port}});
  }
  if (out.stops.empty()) co_return last;
  co_return out;
}

auto smtp_transport::state::over_new(std::shared_ptr<const transmission> t)
    -> asio::awaitable<carried> {
  carried out;
  auto way = co_await find_stops(t);
  if (!way) {
    out.outcome = of_failure(way.error());
    co_return out;
  }
  const auto& demand = way->demand;
  const auto shelf = shelf_of(t->from, demand);
  std::vector<std::optional<host_plan>> plans(way->hosts.size());
  for (const auto& stop : way->stops) {
    // Not worth a connection if the gate has closed meanwhile; send() asks again at the right
    // moment.
    if (!t->may_start()) {
      out.broken_off = true;
      co_return out;
    }
    auto& how = plans[stop.host];
    if (!how) {
      how = co_await opening.plan(way->hosts[stop.host], stop.to.port, demand, t->domain);
      if (how->refusal) opening.tell_refused(stop.to.host_name, *how, demand, t->domain);
    }
    if (how->refusal) {
      out = {};
      out.outcome = *how->refusal;
      continue;
    }
    auto opened = co_await opening.open(stop.to, *how, demand, t->domain, t->from, t->tap);
    if (opened.link) {
      open_connection over{std::move(opened.link), shelf, opened.is_by_dane,
                           std::move(opened.only_domain)};
      auto done = co_await send_over(std::move(over), t);
      out = std::move(done.what);
      if (done.stale) continue;
      if (out.broken_off || out.maybe_delivered) co_return out;
    } else {
      out = {};
      out.outcome = std::move(opened.problem);
      if (opened.is_about_tls) continue;  // another host may keep what this one does not
    }
    if (!may_try_another_host(out.outcome)) break;
  }
  // RFC 8689 section 4.2.1: no host keeps the promise.
  if (out.outcome.last_reply.enhanced == smtp::enhanced_code{5, 7, 30})
    out.outcome.kind = outcome_kind::bounced;
  co_return out;
}

smtp_transport::smtp_transport(asio::any_io_executor executor, smtp::dns::resolver& dns,
                               smtp_transport_settings s, smtp::security::mta_sts_cache* sts)
    : state_{std::make_unique<state>(std::move(executor), dns, std::move(s), sts)} {}
smtp_transport::~smtp_transport() = default;

asio::awaitable<carried> smtp_transport::transmit(std::shared_ptr<const transmission> t) {
  // What is not known is found out with the hosts, and a connection made for it.
  if (const auto demand = state_->demand_known(*t))
    while (auto over = state_->take_idle(t->from, *demand, t->domain)) {
      if (!over->link->is_open()) continue;
      auto done = co_await state_->send_over(std::move(*over), t);
      if (!done.stale) co_return std::move(done.what);
    }
  co_return co_await state_->over_new(t);
}

asio::awaitable<void> smtp_transport::close() {
  state_->closed = true;
  for (auto& [destination, shelf] : state_->pool)
    for (auto& waiting : shelf) state_->say_quit(std::move(waiting.held.link));
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
