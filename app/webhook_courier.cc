#include "app/webhook_courier.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "base/log.h"
#include "base/sealed_text.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::string_view room = "app/webhook_courier";
constexpr std::string_view purpose = "webhook secret";
// Each that runs may hold up a thread for as long as a server takes; reading the journal must not
// wait for those.
constexpr unsigned running_max = 16, threads = running_max + 2, of_tenant_max = 2;
constexpr std::chrono::milliseconds between_looks{250};
constexpr std::size_t heads_per_look = 100'000;
constexpr std::size_t error_bytes_max = 200;

std::vector<std::string> secrets_of(const webhook& w, std::string_view key, instant now) {
  std::vector<std::string> out;
  if (auto s = unseal(key, purpose, w.secret)) out.push_back(std::move(*s));
  if (!w.old_secret.empty() && now < w.old_secret_until)
    if (auto s = unseal(key, purpose, w.old_secret)) out.push_back(std::move(*s));
  return out;
}

std::vector<journal::event_kind> kinds_of(const webhook& w) {
  if (w.only.empty()) return outcome_kinds();
  std::vector<journal::event_kind> out;
  for (const auto& name : w.only)
    if (const auto kinds = outcome_kinds_of(name))
      out.insert(out.end(), kinds->begin(), kinds->end());
  return out;
}

}  // namespace

// A range of the journal on its way. The cursor it left from tells whether it still is the next.
struct webhook_courier::batch {
  webhook to;
  std::optional<dead_letter> again;  // it is a part of this
  journal_seq first, through;
  std::size_t outcomes = 0;
  std::string body;
  std::string name;
};

webhook_secret make_webhook_secret(std::string_view key) {
  webhook_secret s{.shown = "whsec_" + base32(random_bytes(32)), .sealed = {}};
  s.sealed = seal(key, purpose, s.shown);
  return s;
}

std::string webhook_signature(const std::vector<std::string>& secrets, std::int64_t seconds,
                              std::string_view body) {
  const auto signed_text = fmt::format("{}.{}", seconds, body);
  auto out = fmt::format("t={}", seconds);
  for (const auto& s : secrets) out += ",v1=" + hex(as_bytes(hmac_sha256(s, signed_text)));
  return out;
}

webhook_courier::webhook_courier(asio::any_io_executor executor, parts p, webhook_options o)
    : p_{p},
      options_{std::move(o)},
      workers_{threads},
      tasks_{executor},
      executor_{std::move(executor)} {}

webhook_courier::~webhook_courier() = default;

void webhook_courier::start() {
  tasks_.spawn(run());
}

asio::awaitable<void> webhook_courier::close() {
  *is_closed_ = true;
  tasks_.cancel();
  co_await tasks_.drained();
}

asio::awaitable<void> webhook_courier::run() {
  asio::steady_timer timer{executor_};
  for (;;) {
    std::function<result<std::vector<webhook_id>>()> look = [this] { return due(); };
    const auto wanted = co_await workers_.run(std::move(look));
    if (!wanted) log::error(room, "cannot_look", {{"why", describe(wanted.error())}});
    if (wanted)
      for (const auto& id : *wanted)
        if (has_room_for(id) && busy_.insert(id).second) tasks_.spawn(serve(id));
    timer.expires_after(between_looks);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

bool webhook_courier::has_room_for(const webhook_id& id) const {
  const auto of_tenant = std::ranges::count(busy_, id.tenant, &webhook_id::tenant);
  return busy_.size() < running_max && of_tenant < of_tenant_max;
}

result<std::vector<webhook_id>> webhook_courier::due() {
  return p_.rooms.env.read([&](read_txn& txn) {
    std::vector<webhook_id> out;
    const auto all = p_.rooms.webhooks.all(txn);
    if (all.empty() && !seen_through_) return out;
    if (!seen_through_) seen_through_ = begun_at_ = p_.rooms.journal.last(txn);
    const auto touched = p_.rooms.journal.tenants_in(txn, {seen_through_.value + 1}, heads_per_look,
                                                     outcome_kinds());
    for (const auto tenant : touched.tenants) newest_[tenant] = touched.through;
    seen_through_ = std::max(seen_through_, touched.through);
    const auto now = p_.clock.now();
    for (const auto& [tenant, w] : all) {
      if (w.is_paused || now < w.next_at) continue;
      const auto newest = newest_.find(tenant);
      const auto end = newest != newest_.end() ? newest->second : begun_at_;
      const webhook_id id{tenant, w.number};
      if (w.cursor < end || p_.rooms.webhooks.next_wanted(txn, id)) out.push_back(id);
    }
    return out;
  });
}

asio::awaitable<void> webhook_courier::serve(webhook_id id) {
  co_await asio::this_coro::throw_if_cancelled(false);
  std::function<result<std::optional<batch>>()> read = [this, id] { return next_batch(id); };
  auto b = co_await workers_.run(std::move(read));
  if (!b) {
    log::error(room, "cannot_read", {{"why", describe(b.error())}});
  } else if (*b && (*b)->outcomes == 0) {
    answer nothing;
    co_await settle(id, std::move(**b), std::move(nothing));
  } else if (*b && !*is_closed_) {
    auto a = co_await post(id, (*b)->to, (*b)->body, (*b)->name);
    // Ended by us, not by them: it comes again after the start.
    if (!*is_closed_ || a.error.empty()) co_await settle(id, std::move(**b), std::move(a));
  }
  busy_.erase(id);
}

result<std::optional<webhook_courier::batch>> webhook_courier::next_batch(webhook_id id) const {
  return p_.rooms.env.read([&](read_txn& txn) -> std::optional<batch> {
    const auto w = p_.rooms.webhooks.find(txn, id);
    if (!w || w->is_paused) return std::nullopt;
    batch b{.to = *w, .again = p_.rooms.webhooks.next_wanted(txn, id)};
    const journal_seq after = b.again ? journal_seq{b.again->first.value - 1} : w->cursor;
    auto page = read_outcomes(p_.rooms, txn, id.tenant, after, options_.batch_max, kinds_of(*w),
                              b.again ? b.again->through : w->batch_through);
    b.first = {after.value + 1};
    b.through = page.through;
    b.outcomes = page.outcomes.size();
    b.name = fmt::format("{}-{}-{}", webhook_name(id.number), b.first.value, b.through.value);
    json::object o{{"webhook", webhook_name(id.number)},
                   {"batch", b.name},
                   {"first", b.first.value},
                   {"through", b.through.value},
                   {"outcomes", std::move(page.outcomes)}};
    if (b.again) o["again"] = true;
    b.body = json::serialize(o);
    return b;
  });
}

asio::awaitable<result<std::vector<asio::ip::address>>> webhook_courier::find(std::string host) {
  std::vector<asio::ip::address> out;
  const auto v4 = co_await p_.dns.a(host);
  const auto v6 = co_await p_.dns.aaaa(host);
  if (!v4 && !v6) co_return v4.error();
  if (v4) out.insert(out.end(), v4->begin(), v4->end());
  if (v6) out.insert(out.end(), v6->begin(), v6->end());
  const auto no = [](std::string text) {
    return failure{.kind = failure_kind::refused, .public_text = std::move(text)};
  };
  if (out.empty()) co_return no("its host has no address");
  // One that leads inward spoils the name: an honest host has none.
  for (const auto& a : out)
    if (!is_outward(a) && !options_.allowed.has(a))
      co_return no("its host has an address that is not of the internet: " + a.to_string());
  constexpr std::size_t addresses_max = 8;
  if (out.size() > addresses_max) out.resize(addresses_max);
  co_return out;
}

asio::awaitable<webhook_courier::answer> webhook_courier::post(webhook_id id, webhook w,
                                                               std::string body, std::string name) {
  answer out;
  const auto begun = std::chrono::steady_clock::now();
  const auto host = outward_host(w.url);
  const auto secrets = secrets_of(w, options_.key, p_.clock.now());
  if (!host || secrets.empty()) {
    out.error = host ? "its secret does not open with this gateway's key: rotate it"
                     : host.error().public_text;
    co_return out;
  }
  auto where = co_await find(*host);
  if (!where) {
    out.error =
        where.error().public_text.empty() ? describe(where.error()) : where.error().public_text;
    co_return out;
  }
  https_request request;
  request.url = w.url;
  request.addresses = std::move(*where);
  request.content_type = "application/json";
  request.headers = {
      {"Consentry-Signature", webhook_signature(secrets, to_ms(p_.clock.now()) / 1000, body)},
      {"Consentry-Batch", name},
      {"Consentry-Webhook", webhook_name(id.number)}};
  request.body = std::move(body);
  request.authorities = options_.authorities;
  request.timeout = options_.timeout;
  request.connect_timeout = std::min(options_.timeout, std::chrono::milliseconds{5'000});
  request.is_given_up = [closed = is_closed_] { return closed->load(); };
  std::function<result<https_answer>()> job = [request = std::move(request)] {
    return ask_https(request);
  };
  const auto got = co_await workers_.run(std::move(job));
  out.took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  if (!got) {
    out.error =
        got.error().private_cause.empty() ? got.error().public_text : got.error().private_cause;
  } else {
    out.status = got->status;
    if (got->status / 100 != 2) out.error = fmt::format("answered {}", got->status);
  }
  out.error = printable(out.error, error_bytes_max);
  co_return out;
}

asio::awaitable<webhook_courier::answer> webhook_courier::test(webhook_id id, webhook w) {
  json::object o{{"webhook", webhook_name(id.number)},
                 {"batch", "test"},
                 {"test", true},
                 {"outcomes", json::array{}}};
  auto body = json::serialize(o);
  std::string name = "test";
  co_return co_await post(id, std::move(w), std::move(body), std::move(name));
}

std::chrono::milliseconds webhook_courier::pause_after(std::uint32_t failures) const {
  auto out = options_.retry_first;
  for (; failures > 1 && out < options_.retry_max; --failures) out *= 2;
  return std::min(out, options_.retry_max);
}

void webhook_courier::note(write_txn& txn, webhook_id id, const batch& b, const answer& a,
                           instant now) const {
  auto& store = p_.rooms.webhooks;
  auto w = store.find(txn, id);
  // Removed meanwhile, or another one under its number.
  if (!w || w->created_at != b.to.created_at || w->url != b.to.url) return;
  if (!b.again && w->cursor != b.to.cursor) return;
  const bool is_taken = a.error.empty();
  if (b.outcomes != 0) {
    w->last_error = a.error;
    w->last_status = a.status;
    if (is_taken) {
      w->failures = 0;
      w->told += b.outcomes;
      w->told_at = now;
    } else {
      ++w->failures;
      w->next_at = now + pause_after(w->failures);
    }
  }
  if (b.again) {
    auto rest = *b.again;
    store.erase(txn, id, rest.first);
    if (is_taken) {
      rest.first = {b.through.value + 1};
      rest.outcomes -= std::min<std::uint64_t>(rest.outcomes, b.outcomes);
    } else {
      rest.is_wanted = false;
      rest.why = a.error;
      rest.at = now;
    }
    if (rest.first <= rest.through) store.put(txn, id, rest);
  } else if (is_taken) {
    w->pass(b.through);
  } else if (++w->attempts < options_.attempts) {
    w->batch_through = b.through;
  } else {
    store.bury(txn, id, {b.first, b.through, b.outcomes, now, a.error});
    w->pass(b.through);
    if (store.dead(txn, id).size() >= dead_letters_max) {
      w->is_paused = true;
      w->paused_because = "too many dead letters";
    }
  }
  store.put(txn, id, *w);
}

asio::awaitable<void> webhook_courier::settle(webhook_id id, batch b, answer a) {
  if (!a.error.empty())
    log::warn(
        room, "not_taken",
        {{"tenant", id.tenant.value}, {"webhook", webhook_name(id.number)}, {"why", a.error}});
  auto shared = std::make_shared<const batch>(std::move(b));
  commit_loop::operation op = [this, id, shared, a, now = p_.clock.now()](write_txn& txn) {
    note(txn, id, *shared, a, now);
  };
  const auto done = co_await p_.rooms.commits.commit(std::move(op));
  if (!done) log::error(room, "cannot_write", {{"why", describe(done.error())}});
}

}  // namespace consentry::app
