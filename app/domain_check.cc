#include "app/domain_check.h"

#include "app/tenant_change.h"
#include "base/log.h"
#include "base/text.h"

namespace consentry::app {
namespace {

using policy::tenants::domain_proof;
using policy::tenants::sender_domain;

constexpr std::chrono::minutes often{10};
constexpr std::chrono::hours often_for{48};
constexpr std::chrono::hours seldom{6};
constexpr std::chrono::hours seldom_for{31 * 24};
constexpr std::size_t checks_per_round = 100;

domain_finding finding_in(const result<std::vector<std::string>>& records,
                          const std::string& wanted, std::string& seen) {
  if (!records)
    return records.error().kind == failure_kind::not_found ? domain_finding::absent
                                                           : domain_finding::unreachable;
  if (records->empty()) return domain_finding::absent;
  for (const auto& r : *records)
    if (trim(r) == wanted) return domain_finding::verified;
  seen = printable(records->front(), 100);
  return domain_finding::different;
}

}  // namespace

std::string_view to_string(domain_finding f) noexcept {
  switch (f) {
    case domain_finding::verified:
      return "verified";
    case domain_finding::absent:
      return "absent";
    case domain_finding::different:
      return "different";
    case domain_finding::unreachable:
      return "unreachable";
  }
  return "unknown";
}

std::string ownership_name(const sender_domain& d) {
  return "_consentry." + d.domain;
}

std::string ownership_value(const sender_domain& d) {
  return "consentry-domain=" + d.dns_token;
}

boost::asio::awaitable<result<domain_check>> check_domain(tenant_services& s, tenant_id tenant,
                                                          std::string domain, std::string actor) {
  const auto name = smtp::ascii_domain(domain);
  if (!name) co_return name.error();
  domain_check out;
  {
    const auto directory = s.rooms.directory.get();
    const auto* d = directory->find_domain(*name);
    if (d == nullptr || d->tenant != tenant)
      co_return failure{
          .kind = failure_kind::not_found, .permanent = true, .public_text = "no such domain"};
    out.domain = *d;
  }
  const auto records = co_await s.dns.txt(ownership_name(out.domain));
  out.found = finding_in(records, ownership_value(out.domain), out.detail);
  if (out.found == domain_finding::unreachable && !records)
    out.detail = records.error().public_text;
  if (out.found != domain_finding::verified) co_return out;
  // The token may have changed hands while the DNS was asked: then the claim of then is not this.
  std::function<result<sender_domain>(write_txn&)> f =
      [&rooms = s.rooms, tenant, name = *name, token = out.domain.dns_token, actor,
       at = s.clock.now()](write_txn& txn) -> result<sender_domain> {
    return rooms.tenants.verify_domain(txn, tenant, name, domain_proof::dns_token, actor, at,
                                       token);
  };
  auto done = co_await change_tenants<sender_domain>(s.rooms, std::move(f));
  if (!done) co_return done.error();
  out.domain = std::move(*done);
  log::info("app/domain_check", "verified", {{"domain", out.domain.domain}});
  co_return out;
}

boost::asio::awaitable<void> check_pending_domains(tenant_services& s, domain_rounds& next) {
  const auto directory = s.rooms.directory.get();
  const auto now = s.clock.now();
  domain_rounds kept;
  std::vector<std::pair<tenant_id, std::string>> due;
  for (const auto& t : directory->tenants()) {
    if (t.state == policy::tenants::tenant_state::terminated) continue;
    for (const auto* d : directory->domains_of(t.id)) {
      if (d->is_verified() || now - d->added_at > seldom_for) continue;
      const auto known = next.find(d->domain);
      auto at = known == next.end() ? now : known->second;
      if (at <= now && due.size() < checks_per_round) {
        due.emplace_back(t.id, d->domain);
        at = now + (now - d->added_at < often_for ? std::chrono::milliseconds{often}
                                                  : std::chrono::milliseconds{seldom});
      }
      kept.emplace(d->domain, at);
    }
  }
  next = std::move(kept);
  for (auto& [tenant, domain] : due) {
    std::string actor = "gateway";
    const auto checked = co_await check_domain(s, tenant, domain, std::move(actor));
    if (!checked)
      log::warn("app/domain_check", "check_failed",
                {{"domain", domain}, {"cause", describe(checked.error())}});
  }
}

}  // namespace consentry::app
