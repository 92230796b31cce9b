#include "queue/secure_opening.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "base/tls_context.h"

namespace consentry::queue {

namespace asio = boost::asio;

namespace {

using smtp::tls_wish;
using smtp::client::open_result;
using smtp::client::peer_check;
using smtp::client::tls_fault;
using smtp::client::tls_mode;
using smtp::security::tls_policy_kind;
using smtp::security::tls_session;
using std::chrono::steady_clock;

constexpr std::chrono::seconds recent_for{60};
constexpr std::size_t recent_max = 50'000;

tls_session session_of(const std::string& domain, const host_plan& how, const tls_demand& demand) {
  tls_session s;
  s.domain = domain;
  s.policy = how.policy;
  if (how.policy == tls_policy_kind::sts && demand.sts) {
    s.policy_lines = lines_of(*demand.sts);
    s.mx_patterns = demand.sts->mx;
  }
  for (const auto& r : how.check.tlsa)
    s.policy_lines.push_back(std::to_string(r.usage) + ' ' + std::to_string(r.selector) + ' ' +
                             std::to_string(r.matching) + ' ' + hex(r.data));
  return s;
}

std::string origin_of(const departure& from) {
  std::string s;
  if (from.from == nullptr) return s;
  if (from.from->ipv4) s += from.from->ipv4->to_string();
  if (from.from->ipv6) s += ',' + from.from->ipv6->to_string();
  return s + ',' + from.from->ehlo_name;
}

}  // namespace

secure_opening::secure_opening(smtp::dns::resolver& dns, smtp::security::mta_sts_cache* sts,
                               smtp::client::connection_settings base, tls_settings s)
    : dns_{dns}, sts_{sts}, base_{std::move(base)}, settings_{std::move(s)} {
  settings_.rules.mode = base_.tls;
  if (settings_.resumes && base_.tls_context) tls_sessions::enable(*base_.tls_context);
  // A wrong file is told at the start.
  if (!settings_.authorities.empty()) verifying();
}

// Reading the system's authorities takes a while: only once it is needed.
const std::shared_ptr<asio::ssl::context>& secure_opening::verifying() {
  if (!verifying_) {
    verifying_ = make_verifying_client_tls(settings_.authorities);
    if (settings_.resumes) tls_sessions::enable(*verifying_);
  }
  return verifying_;
}

std::optional<tls_demand> secure_opening::recent(const std::string& domain, tls_wish wish) const {
  const auto found = recent_.find(domain);
  if (found == recent_.end() || found->second.until < steady_clock::now()) return std::nullopt;
  auto demand = found->second.demand;
  demand.wish = wish;
  return demand;
}

void secure_opening::remember(const std::string& domain, const tls_demand& demand) {
  const auto now = steady_clock::now();
  if (recent_.size() >= recent_max)
    std::erase_if(recent_, [now](const auto& e) { return e.second.until < now; });
  if (recent_.size() >= recent_max) recent_.clear();
  recent_[domain] = {demand, now + recent_for};
}

asio::awaitable<result<tls_demand>> secure_opening::demand_of(std::string domain, tls_wish wish) {
  tls_demand out;
  out.wish = wish;
  // The operator who switches TLS off has no policies looked up.
  const bool asks = base_.tls != tls_mode::off || wish == tls_wish::required;
  if (sts_ == nullptr || !asks || domain.starts_with('[')) co_return out;
  auto found = co_await sts_->find(domain);
  if (!found) co_return found.error();
  out.sts = std::move(found->policy);
  if (found->fault != smtp::security::sts_fault::none && settings_.observer) {
    tls_session s;
    s.domain = domain;
    s.policy = out.sts ? tls_policy_kind::sts : tls_policy_kind::none;
    if (out.sts) {
      s.policy_lines = lines_of(*out.sts);
      s.mx_patterns = out.sts->mx;
    }
    s.result_type = to_string(found->fault);
    settings_.observer(s);
  }
  co_return out;
}

asio::awaitable<host_plan> secure_opening::plan(mail_host host, std::uint16_t port,
                                                tls_demand demand, std::string domain) {
  demand.is_mx_secure = demand.is_mx_secure && settings_.uses_dane;
  result<smtp::dns::dane_records> dane{smtp::dns::dane_records{}};
  const bool asks = base_.tls != tls_mode::off || demand.wish == tls_wish::required;
  if (asks && demand.minds_dane() && !host.name.starts_with('['))
    dane = co_await smtp::dns::find_dane(dns_, host.name, host.found, port);
  co_return plan_for(settings_.rules, demand, domain, host.name, dane);
}

smtp::client::connection_settings secure_opening::settings_for(const host_plan& how,
                                                               const departure& from) {
  auto with = base_;
  if (from.from != nullptr) {
    with.source_ipv4 = from.from->ipv4;
    with.source_ipv6 = from.from->ipv6;
    if (!from.from->ehlo_name.empty()) with.ehlo_name = from.from->ehlo_name;
  }
  with.tls = how.mode;
  with.check = how.check;
  const bool verifies = how.check.how != peer_check::by::nothing;
  if (how.mode != tls_mode::off && (verifies || !with.tls_context)) with.tls_context = verifying();
  if (settings_.resumes) {
    with.sessions = sessions_;
    with.origin = origin_of(from);
  }
  return with;
}

void secure_opening::tell(const smtp::client::target& to, const host_plan& how,
                          const tls_demand& demand, const std::string& domain, const open_result& r,
                          const departure& from) const {
  // What ended before TLS was thought of says nothing about TLS.
  const bool is_about_tls = r.made || r.tls_failed;
  if (!settings_.observer || !is_about_tls || how.mode == tls_mode::off || demand.is_routed) return;
  auto s = session_of(domain, how, demand);
  s.mx_host = to.host_name;
  s.mx_ip = to.address.to_string();
  if (from.from != nullptr) {
    const auto& source = to.address.is_v4() ? from.from->ipv4 : from.from->ipv6;
    if (source) s.source_ip = source->to_string();
  }
  if (r.fault != tls_fault::none) {
    s.result_type = to_string(r.fault);
    s.cause = r.fault_cause;
  } else if (!how.refusal_kind.empty()) {
    s.result_type = how.refusal_kind;
  }
  settings_.observer(s);
}

void secure_opening::tell_refused(const std::string& host, const host_plan& how,
                                  const tls_demand& demand, const std::string& domain) const {
  if (!settings_.observer || how.refusal_kind.empty()) return;
  auto s = session_of(domain, how, demand);
  s.mx_host = host;
  s.result_type = how.refusal_kind;
  if (how.refusal) s.cause = how.refusal->cause;
  settings_.observer(s);
}

asio::awaitable<opened_link> secure_opening::open(smtp::client::target to, host_plan how,
                                                  tls_demand demand, std::string domain,
                                                  departure from,
                                                  std::shared_ptr<smtp::client::dialog_tap> tap) {
  auto with = settings_for(how, from);
  with.tap = std::move(tap);
  if (with.tap)
    with.tap->noted(
        fmt::format("connecting to {} [{}]:{}", to.host_name, to.address.to_string(), to.port));
  auto r = co_await smtp::client::connection::open(to, with);
  tell(to, how, demand, domain, r, from);
  opened_link out;
  if (!r.made && r.tls_failed && how.mode == tls_mode::opportunistic) {
    log::info("queue/transport", "tls_failed_trying_clear",
              {{"host", to.host_name}, {"cause", r.problem.cause}});
    auto clear = with;
    clear.tls = tls_mode::off;
    r = co_await smtp::client::connection::open(to, clear);
  } else if (!r.made && r.tls_failed) {
    out.is_about_tls = true;
    explain(r.problem, r.fault, how, demand.wish);
    log::info("queue/transport", "tls_failed",
              {{"host", to.host_name}, {"domain", domain}, {"cause", r.problem.cause}});
  }
  out.problem = std::move(r.problem);
  if (!r.made) co_return out;
  const auto& offers = r.made->offers();
  if (how.must_offer_requiretls && !(offers.require_tls && r.made->is_verified())) {
    out.problem.remote_host = to.host_name;
    out.problem.remote_ip = to.address.to_string();
    out.problem.tls = r.made->tls();
    out.problem.cause = "the host does not offer REQUIRETLS";
    explain(out.problem, tls_fault::none, how, demand.wish);
    out.is_about_tls = true;
    co_await r.made->quit();
    co_return out;
  }
  if (how.check.how == peer_check::by::dane &&
      !proves_host(how.check, to.host_name, r.made->verdict()))
    out.only_domain = domain;
  out.is_by_dane = how.check.how == peer_check::by::dane;
  out.link = std::move(r.made);
  co_return out;
}

}  // namespace consentry::queue
