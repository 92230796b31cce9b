#include "app/sender_preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <utility>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app {

namespace asio = boost::asio;
namespace auth = smtp::auth;
using std::chrono::steady_clock;

namespace {

constexpr std::string_view room = "app/sender_preflight";
constexpr std::chrono::seconds between_rounds{3};
constexpr std::chrono::minutes return_path_holds{10};
constexpr std::chrono::minutes after_failure{10};
constexpr std::chrono::seconds keys_come_within{30};
constexpr std::chrono::seconds is_new_for{2};
constexpr std::size_t asked_for_max = 8;
constexpr std::size_t records_told_max = 8;
constexpr std::size_t fact_octets_max = 1000;

double random_share() {
  return static_cast<double>(random_u64() >> 11) / 9007199254740992.0;
}

// A name without such records, or none at all, is an answer.
std::optional<std::vector<std::string>> texts_of(result<std::vector<std::string>> answer) {
  if (answer) return std::move(*answer);
  if (answer.error().kind == failure_kind::not_found) return std::vector<std::string>{};
  return std::nullopt;
}

failure no_domain() {
  return {.kind = failure_kind::not_found, .permanent = true, .public_text = "no such domain"};
}

std::string summary(const domain_preflight& p) {
  return fmt::format("{} {}", to_string(p.state()), auth::remarks_of(p.found()));
}

// The history, and through it the letter to the contact (tenant_letters).
journal::event change_of(tenant_id tenant, const std::optional<domain_preflight>& before,
                         const domain_preflight& now, const std::string& actor) {
  journal::event e;
  e.kind = journal::event_kind::domain_changed;
  e.at = now.looked_at;
  e.tenant = tenant;
  const auto remarks = auth::remarks_of(now.found());
  e.reason = printable(remarks.empty() ? now.domain : now.domain + ": " + remarks, 300);
  e.rule = "B.9989";
  e.actor = actor;
  e.facts = {{"domain", now.domain},
             {"preflight", std::string{to_string(now.state())}},
             {"preflight_was", before ? std::string{to_string(before->state())} : "none"}};
  auto failing = now.found();
  std::erase_if(failing, [](const auto& c) { return c.state != auth::check_state::fail; });
  std::size_t number = 0;
  for (const auto& r : auth::records_of(failing)) {
    auto line = auth::zone_line(r);
    // Half a record would be published as one.
    if (!r.is_operators && number < records_told_max && line.size() <= fact_octets_max)
      e.facts[fmt::format("record_{}", ++number)] = std::move(line);
  }
  return e;
}

std::chrono::milliseconds left_until(steady_clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_clock::now());
  return std::max(left, std::chrono::milliseconds{0});
}

auth::txt_lookup txt_of(smtp::dns::resolver& dns, steady_clock::time_point until) {
  return [&dns, until](std::string name) {
    return dns.txt_within(std::move(name), left_until(until));
  };
}

}  // namespace

sender_preflight::sender_preflight(parts p, preflight_options o)
    : parts_{std::move(p)}, options_{std::move(o)} {}

asio::awaitable<std::vector<auth::published_key>> sender_preflight::look_up_keys(std::string domain,
                                                                                 deadline until) {
  const auto ring = parts_.live.dkim_keys.get();
  std::vector<auth::published_key> out;
  for (const auto& key : ring->of(domain)) {
    auth::published_key k;
    k.name = key->dns_name();
    k.value = key->dns_value();
    k.is_rsa = key->algorithm() == auth::dkim_algorithm::rsa_sha256;
    auto answer = co_await parts_.dns.txt_within(k.name, left_until(until));
    k.texts = texts_of(std::move(answer));
    out.push_back(std::move(k));
  }
  co_return out;
}

asio::awaitable<sender_preflight::spf_findings> sender_preflight::look_up_spf(std::string domain,
                                                                              deadline until) {
  spf_findings out;
  auto answer = co_await parts_.dns.txt_within(domain, left_until(until));
  out.texts = texts_of(std::move(answer));
  const auth::dns_lookup lookup = [&dns = parts_.dns, until](std::string name,
                                                             smtp::dns::record_type type) {
    return dns.lookup_within(std::move(name), type, left_until(until));
  };
  for (const auto& address : options_.addresses) {
    auth::spf::check_request request;
    request.domain = domain;
    request.address = address;
    auth::egress_answer a;
    a.address = address;
    auto how = options_.spf;
    how.time = std::min(how.time, left_until(until));
    a.verdict = co_await auth::check_spf(parts_.workers, lookup, std::move(how), request);
    out.answers.push_back(std::move(a));
  }
  co_return out;
}

// The same for every tenant: looked at once in a while, and when a person wants to know.
asio::awaitable<sender_preflight::return_path> sender_preflight::look_at_return_path(
    bool is_fresh, deadline until) {
  const auto now = parts_.clock.now();
  if (!is_fresh && now - last_return_path_.at < return_path_holds) co_return last_return_path_;
  return_path out;
  out.at = now;
  auto spf = co_await look_up_spf(options_.return_path_domain, until);
  out.spf = std::move(spf);
  auto lookup = txt_of(parts_.dns, until);
  auto dmarc = co_await auth::discover_dmarc(std::move(lookup), options_.return_path_domain);
  out.dmarc = std::move(dmarc);
  last_return_path_ = out;
  co_return out;
}

asio::awaitable<std::vector<auth::sender_check>> sender_preflight::look(std::string domain,
                                                                        bool is_fresh) {
  // Ours first: the time that a stranger's DNS takes is not to be missing there. Half of it at
  // most, so that the other way round holds as well.
  const auto begun = steady_clock::now();
  const auto path = co_await look_at_return_path(is_fresh, begun + options_.time / 2);
  const auto until = begun + options_.time;
  const auto keys = co_await look_up_keys(domain, until);
  auto lookup = txt_of(parts_.dns, until);
  const auto dmarc = co_await auth::discover_dmarc(std::move(lookup), domain);
  const auto spf = co_await look_up_spf(domain, until);
  std::vector<auth::sender_check> out;
  out.push_back(auth::check_dkim(keys));
  out.push_back(auth::check_dmarc(domain, dmarc));
  out.push_back(auth::check_own_spf(domain, spf.answers, spf.texts));
  out.push_back(auth::check_return_path(options_.return_path_domain, path.spf.answers,
                                        path.spf.texts, domain, dmarc, path.dmarc));
  // Once for each look at it, not for each domain.
  if (out.back().state == auth::check_state::fail && std::exchange(warned_at_, path.at) != path.at)
    log::error(room, "return_path_fails",
               {{"domain", options_.return_path_domain}, {"reason", out.back().reason}});
  co_return out;
}

asio::awaitable<result<domain_preflight>> sender_preflight::keep(
    looked_domain of, std::string actor, std::vector<auth::sender_check> found) {
  auto kept = std::make_shared<std::optional<domain_preflight>>();
  commit_loop::operation op = [&rooms = parts_.rooms, kept, of, actor, found,
                               at = parts_.clock.now()](write_txn& txn) {
    kept->reset();
    // The name may have changed hands while the DNS was asked: what was found is not of this stay.
    const auto d = rooms.tenants.find_domain(txn, of.domain);
    if (!d || d->tenant != of.tenant || d->added_at != of.added_at) return;
    const auto before = rooms.preflights.find(txn, of.tenant, of.domain);
    const auto now = merged(before, found, of.domain, at);
    rooms.preflights.put(txn, of.tenant, now);
    if (!before || summary(*before) != summary(now))
      rooms.journal.append(txn, change_of(of.tenant, before, now, actor));
    *kept = now;
  };
  const auto done = co_await parts_.rooms.commits.commit(std::move(op));
  if (!done) co_return done.error();
  if (!*kept) co_return no_domain();
  co_return std::move(**kept);
}

std::optional<domain_preflight> sender_preflight::just_found(tenant_id tenant,
                                                             const std::string& domain) const {
  const auto row = parts_.rooms.env.read(
      [&](read_txn& txn) { return parts_.rooms.preflights.find(txn, tenant, domain); });
  if (!row || !*row) return std::nullopt;
  const auto age = parts_.clock.now() - (*row)->looked_at;
  return age.count() >= 0 && age < is_new_for ? *row : std::nullopt;
}

std::optional<looked_domain> sender_preflight::find(tenant_id tenant,
                                                    const std::string& domain) const {
  const auto directory = parts_.rooms.directory.get();
  const auto* d = directory->find_domain(domain);
  if (d == nullptr || d->tenant != tenant) return std::nullopt;
  return looked_domain{.tenant = tenant, .domain = domain, .added_at = d->added_at};
}

namespace {

// A person's look for a tenant, while it runs; 0: nobody asked.
class asked_look {
 public:
  asked_look(std::set<tenant_id>& all, tenant_id tenant) : all_{all}, tenant_{tenant} {
    if (tenant_) all_.insert(tenant_);
  }
  ~asked_look() { all_.erase(tenant_); }
  asked_look(const asked_look&) = delete;
  asked_look& operator=(const asked_look&) = delete;

 private:
  std::set<tenant_id>& all_;
  tenant_id tenant_;
};

}  // namespace

asio::awaitable<result<domain_preflight>> sender_preflight::run(tenant_id tenant,
                                                                std::string domain,
                                                                std::string actor, bool is_fresh) {
  const auto of = find(tenant, domain);
  if (!of) co_return no_domain();
  if (is_fresh) {
    if (auto just = just_found(tenant, domain)) co_return std::move(*just);
    if (asked_for_.contains(tenant))
      co_return failure{.kind = failure_kind::conflict,
                        .public_text = "the DNS is being asked for this tenant: wait for it"};
    if (asked_for_.size() >= asked_for_max)
      co_return failure{.kind = failure_kind::limit,
                        .public_text = "many ask the DNS just now: try again"};
  }
  const asked_look running{asked_for_, is_fresh ? tenant : tenant_id{}};
  auto found = co_await look(domain, is_fresh);
  auto kept = co_await keep(*of, std::move(actor), std::move(found));
  if (kept)
    log::info(room, "looked",
              {{"tenant", tenant.value},
               {"domain", domain},
               {"state", to_string(kept->state())},
               {"remarks", auth::remarks_of(kept->found())}});
  co_return kept;
}

// Verified domains of tenants whose contract runs.
std::vector<looked_domain> sender_preflight::verified_domains(unsigned lane) const {
  const auto directory = parts_.rooms.directory.get();
  const auto now = parts_.clock.now();
  const auto keys = parts_.live.dkim_keys.get();
  std::vector<looked_domain> out;
  for (const auto& t : directory->tenants()) {
    if (t.state == policy::tenants::tenant_state::terminated) continue;
    for (const auto* d : directory->domains_of(t.id)) {
      // Where it is just being added its keys come a moment later.
      const bool is_new = keys->of(d->domain).empty() && now - d->added_at < keys_come_within;
      if (d->is_verified() && !is_new && std::hash<std::string>{}(d->domain) % lanes == lane)
        out.push_back({.tenant = t.id, .domain = d->domain, .added_at = d->added_at});
    }
  }
  return out;
}

instant sender_preflight::first_look(const looked_domain& d) const {
  const auto row = parts_.rooms.env.read(
      [&](read_txn& txn) { return parts_.rooms.preflights.find(txn, d.tenant, d.domain); });
  return row && *row ? next_look(**row, options_.every, random_share()) : instant{};
}

asio::awaitable<void> sender_preflight::keep_up(unsigned lane) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  look_calendar calendar;
  const auto first = [this](const looked_domain& d) { return first_look(d); };
  for (;;) {
    const auto due = calendar.next_round(verified_domains(lane), parts_.clock.now(), first);
    for (const auto& d : due) {
      std::string actor = "gateway";
      std::string domain = d.domain;
      const auto found = co_await run(d.tenant, std::move(domain), std::move(actor), false);
      calendar.set_next(d, found ? next_look(*found, options_.every, random_share())
                                 : parts_.clock.now() + after_failure);
      if (!found)
        log::warn(room, "look_failed", {{"domain", d.domain}, {"cause", describe(found.error())}});
    }
    timer.expires_after(between_rounds);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace consentry::app
