#include "app/dkim_rotation.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "app/key_store.h"
#include "base/log.h"
#include "smtp/auth/sender_check.h"

namespace consentry::app {

namespace asio = boost::asio;
namespace auth = smtp::auth;
using auth::key_state;

namespace {

constexpr std::string_view room = "app/dkim_rotation";
constexpr std::chrono::milliseconds dns_patience{5000};
constexpr unsigned asking_max = 8;
constexpr unsigned sightings_wanted = 2;  // one name server may be ahead of the others
constexpr std::size_t fact_octets_max = 1000;

failure no(failure_kind kind, std::string why) {
  return {.kind = kind, .permanent = true, .public_text = std::move(why)};
}

class counted {
 public:
  explicit counted(unsigned& n) : n_{n} { ++n_; }
  ~counted() { --n_; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;

 private:
  unsigned& n_;
};

record_sight sight_in(const result<std::vector<std::string>>& answer, const std::string& ours) {
  if (!answer)
    return answer.error().kind == failure_kind::not_found ? record_sight::missing
                                                          : record_sight::unknown;
  if (answer->empty()) return record_sight::missing;
  // Of several records receivers may take any (RFC 6376 section 3.6.2.2).
  const bool is_good =
      answer->size() == 1 && auth::fault_of_key_record(answer->front(), ours) == nullptr;
  return is_good ? record_sight::published : record_sight::differs;
}

std::vector<auth::held_key> in_state(const std::vector<auth::held_key>& keys, key_state s) {
  std::vector<auth::held_key> out;
  for (const auto& k : keys)
    if (k.state == s) out.push_back(k);
  return out;
}

std::string selectors_of(const std::vector<auth::held_key>& keys) {
  std::string out;
  for (const auto& k : keys) out += (out.empty() ? "" : ", ") + k.key->selector();
  return out;
}

}  // namespace

std::string_view to_string(record_sight s) noexcept {
  switch (s) {
    case record_sight::not_asked:
      return "not_asked";
    case record_sight::unknown:
      return "unknown";
    case record_sight::missing:
      return "missing";
    case record_sight::differs:
      return "differs";
    case record_sight::published:
      return "published";
  }
  return "unknown";
}

dkim_rotation::dkim_rotation(parts p, dkim_rotation_options o)
    : parts_{std::move(p)}, options_{std::move(o)} {}

bool dkim_rotation::is_ours(const std::string& domain) const {
  return domain == options_.gateway_domain || parts_.rooms.directory.get()->find_domain(domain) ||
         !parts_.live.dkim_keys.get()->all_of(domain).empty();
}

bool dkim_rotation::is_old(const auth::held_key& k) const {
  return k.state == key_state::signing && options_.old_after.count() != 0 &&
         parts_.clock.now() - k.made_at > options_.old_after;
}

result<void> dkim_rotation::reload() const {
  try {
    reload_dkim_keys(parts_.folder, parts_.live);
    return {};
  } catch (const configuration_error& e) {
    return failure{.kind = failure_kind::io,
                   .public_text = "the keys cannot be read",
                   .private_cause = e.what()};
  }
}

asio::awaitable<record_sight> dkim_rotation::sight_of(std::shared_ptr<const auth::dkim_key> key) {
  auto name = key->dns_name();
  const auto answer = co_await parts_.dns.txt_within(std::move(name), dns_patience);
  co_return sight_in(answer, key->dns_value());
}

asio::awaitable<std::vector<seen_key>> dkim_rotation::look_at(std::string domain) {
  const auto ring = parts_.live.dkim_keys.get();
  std::vector<seen_key> out;
  for (const auto& k : ring->all_of(domain)) {
    auto key = k.key;
    const auto sight = co_await sight_of(std::move(key));
    out.push_back({.held = k, .dns = sight});
  }
  co_return out;
}

asio::awaitable<result<std::vector<seen_key>>> dkim_rotation::look(std::string domain) {
  if (asking_ >= asking_max)
    co_return failure{.kind = failure_kind::limit,
                      .public_text = "many ask the DNS just now: try again"};
  const counted one{asking_};
  co_return co_await look_at(std::move(domain));
}

// The history, and through it the letter to the contact (tenant_letters).
asio::awaitable<result<void>> dkim_rotation::note(std::string domain, std::string what,
                                                  std::vector<auth::held_key> keys,
                                                  std::string actor) {
  journal::event e;
  e.kind = journal::event_kind::domain_changed;
  e.at = parts_.clock.now();
  const auto directory = parts_.rooms.directory.get();
  if (const auto* d = directory->find_domain(domain)) e.tenant = d->tenant;
  e.reason = fmt::format("{}: {}", domain, selectors_of(keys));
  e.rule = "B.6376";
  e.actor = std::move(actor);
  e.facts = {{"domain", domain}, {"dkim", what}, {"selectors", selectors_of(keys)}};
  std::size_t number = 0;
  for (const auto& k : keys) {
    auto line =
        auth::zone_line({.name = k.key->dns_name(), .type = "TXT", .value = k.key->dns_value()});
    if (line.size() <= fact_octets_max)
      e.facts[fmt::format("record_{}", ++number)] = std::move(line);
  }
  commit_loop::operation op = [&rooms = parts_.rooms, e](write_txn& txn) {
    rooms.journal.append(txn, e);
  };
  const auto done = co_await parts_.rooms.commits.commit(std::move(op));
  if (!done) co_return done.error();
  log::info(room, what, {{"domain", domain}, {"selectors", selectors_of(keys)}});
  co_return result<void>{};
}

asio::awaitable<result<std::vector<seen_key>>> dkim_rotation::rotate(std::string domain,
                                                                     std::string selector,
                                                                     std::string actor) {
  if (!is_ours(domain)) co_return no(failure_kind::not_found, "no such sender domain");
  // The records are not known before the keys are made, and these sign nothing yet: here the entry
  // comes second.
  std::function<result<std::vector<auth::held_key>>()> make =
      [this, domain, selector, now = parts_.clock.now()]() -> result<std::vector<auth::held_key>> {
    auto made = auth::add_next_keys(parts_.folder, domain, selector, now);
    if (!made) return made;
    if (const auto loaded = reload(); !loaded) return loaded.error();
    return made;
  };
  const auto made = co_await parts_.workers.run(std::move(make));
  if (!made) co_return made.error();
  std::string what = "waiting";
  auto keys = *made;
  const auto noted = co_await note(domain, std::move(what), std::move(keys), std::move(actor));
  if (!noted) co_return noted.error();
  std::vector<seen_key> out;
  for (const auto& k : *made) out.push_back({.held = k});
  co_return out;
}

asio::awaitable<result<void>> dkim_rotation::start(std::string domain, std::vector<seen_key> seen,
                                                   std::string actor) {
  std::vector<auth::held_key> ready;
  std::vector<std::string> selectors;
  for (const auto& s : seen)
    if (s.held.state == key_state::waiting && s.dns == record_sight::published) {
      ready.push_back(s.held);
      selectors.push_back(s.held.key->selector());
      sightings_.erase(s.held.key->dns_name());
    }
  std::string what = "signing";
  const auto noted = co_await note(domain, std::move(what), std::move(ready), std::move(actor));
  if (!noted) co_return noted;
  std::function<result<auth::key_change>()> move =
      [this, domain, selectors, now = parts_.clock.now()]() -> result<auth::key_change> {
    auto moved = auth::start_signing(parts_.folder, domain, selectors, now);
    if (!moved) return moved;
    if (const auto loaded = reload(); !loaded) return loaded.error();
    return moved;
  };
  const auto moved = co_await parts_.workers.run(std::move(move));
  if (!moved) co_return moved.error();
  co_return result<void>{};
}

asio::awaitable<result<std::vector<seen_key>>> dkim_rotation::activate(std::string domain,
                                                                       std::string actor) {
  auto looked = co_await look(domain);
  if (!looked) co_return looked.error();
  bool is_waiting = false, is_there = false, is_unknown = false;
  for (const auto& s : *looked) {
    if (s.held.state != key_state::waiting) continue;
    is_waiting = true;
    is_there = is_there || s.dns == record_sight::published;
    is_unknown = is_unknown || s.dns == record_sight::unknown;
  }
  if (!is_waiting) co_return no(failure_kind::not_found, "no key of this domain waits");
  if (!is_there && is_unknown)
    co_return failure{.kind = failure_kind::dns,
                      .public_text = "the DNS gives no trustworthy answer"};
  if (!is_there)
    co_return no(failure_kind::conflict,
                 "the new records are not in the DNS yet; the keys of "
                 "before go on signing");
  const auto started = co_await start(domain, std::move(*looked), std::move(actor));
  if (!started) co_return started.error();
  co_return co_await look(std::move(domain));
}

asio::awaitable<result<void>> dkim_rotation::remove(std::string domain, std::string selector,
                                                    std::string actor) {
  const auto ring = parts_.live.dkim_keys.get();
  const auto& all = ring->all_of(domain);
  const auto found =
      std::ranges::find(all, selector, [](const auto& k) { return k.key->selector(); });
  if (found == all.end()) co_return no(failure_kind::not_found, "no such key");
  if (found->state == key_state::signing)
    co_return no(failure_kind::conflict, "the key signs; rotate first");
  std::string what = found->state == key_state::retired ? "ended" : "given_up";
  std::vector<auth::held_key> keys{*found};
  co_return co_await destroy(std::move(domain), std::move(what), std::move(keys), std::move(actor));
}

asio::awaitable<result<void>> dkim_rotation::destroy(std::string domain, std::string what,
                                                     std::vector<auth::held_key> keys,
                                                     std::string actor) {
  auto noted_keys = keys;
  const auto noted =
      co_await note(domain, std::move(what), std::move(noted_keys), std::move(actor));
  if (!noted) co_return noted;
  std::function<result<void>()> destroy_all = [this, domain, keys]() -> result<void> {
    for (const auto& k : keys)
      if (const auto gone = auth::remove_key(parts_.folder, domain, k.key->selector()); !gone)
        return gone;
    return reload();
  };
  co_return co_await parts_.workers.run(std::move(destroy_all));
}

asio::awaitable<void> dkim_rotation::tend_waiting(std::string domain) {
  auto seen = co_await look_at(domain);
  bool is_ready = false;
  for (auto& s : seen) {
    if (s.held.state != key_state::waiting) continue;
    auto& times = sightings_[s.held.key->dns_name()];
    times = s.dns == record_sight::published ? times + 1 : 0;
    if (times < sightings_wanted) s.dns = record_sight::unknown;
    is_ready = is_ready || times >= sightings_wanted;
  }
  if (!is_ready) co_return;
  std::string actor = "gateway";
  auto name = domain;
  const auto started = co_await start(std::move(name), std::move(seen), std::move(actor));
  if (!started)
    log::error(room, "cannot_change_keys",
               {{"domain", domain}, {"cause", describe(started.error())}});
}

// Only while the keys that came after are seen in the DNS: else the old one is the way back.
asio::awaitable<void> dkim_rotation::tend_retired(std::string domain) {
  const auto seen = co_await look_at(domain);
  const auto now = parts_.clock.now();
  std::vector<auth::held_key> over;
  for (const auto& old : seen) {
    if (old.held.state != key_state::retired || now < leaves_at(old.held)) continue;
    const bool is_followed = std::ranges::any_of(seen, [&old](const seen_key& s) {
      return s.held.state == key_state::signing && s.dns == record_sight::published &&
             s.held.key->algorithm() == old.held.key->algorithm();
    });
    if (is_followed) over.push_back(old.held);
  }
  if (over.empty()) co_return;
  std::string actor = "gateway", what = "ended", name = domain;
  const auto gone =
      co_await destroy(std::move(name), std::move(what), std::move(over), std::move(actor));
  if (!gone)
    log::error(room, "cannot_change_keys", {{"domain", domain}, {"cause", describe(gone.error())}});
}

void dkim_rotation::warn_of_old(const std::string& domain) {
  const auto ring = parts_.live.dkim_keys.get();
  const auto now = parts_.clock.now();
  for (const auto& k : ring->all_of(domain)) {
    if (!is_old(k) || now - warned_[domain] < std::chrono::hours{24}) continue;
    warned_[domain] = now;
    const auto days = std::chrono::duration_cast<std::chrono::days>(now - k.made_at).count();
    log::warn(room, "key_is_old",
              {{"domain", domain}, {"selector", k.key->selector()}, {"days", days}});
  }
}

asio::awaitable<void> dkim_rotation::tend(std::string domain) {
  const auto ring = parts_.live.dkim_keys.get();
  const auto& keys = ring->all_of(domain);
  const auto now = parts_.clock.now();
  const bool is_waiting = !in_state(keys, key_state::waiting).empty();
  const bool is_over = std::ranges::any_of(
      keys, [&](const auto& k) { return k.state == key_state::retired && now >= leaves_at(k); });
  warn_of_old(domain);
  if (is_waiting) {
    auto name = domain;
    co_await tend_waiting(std::move(name));
  }
  if (is_over) co_await tend_retired(std::move(domain));
}

asio::awaitable<void> dkim_rotation::keep_up() {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (;;) {
    timer.expires_after(options_.look_every);
    co_await timer.async_wait(asio::use_awaitable);
    const auto domains = parts_.live.dkim_keys.get()->domains();
    for (const auto& d : domains) {
      auto name = d;
      co_await tend(std::move(name));
    }
  }
}

}  // namespace consentry::app
