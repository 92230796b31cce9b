#include "app/departure_gate.h"

#include "app/evidence_gatherer.h"
#include "base/log.h"
#include "policy/judge.h"
#include "policy/rule.h"

namespace consentry::app {
namespace {

using act = queue::dispatch_decision::act;

act act_of(policy::decision d) {
  switch (d) {
    case policy::decision::send:
      return act::proceed;
    case policy::decision::defer:
      return act::defer;
    case policy::decision::hold:
      return act::hold;
    case policy::decision::refuse:
      return act::refuse;
  }
  return act::defer;
}

constexpr std::chrono::minutes ask_again{1};
// People mend DNS records; thousands of recipients wait for it.
constexpr std::chrono::minutes ask_dns_again{10};

std::string key_of(const std::string& address) {
  const auto mailbox = smtp::mailbox::parse(address);
  return mailbox ? mailbox->key() : std::string{};
}

}  // namespace

queue::dispatch_decision departure_gate::ask(const queue::queued_message& m,
                                             const queue::queued_recipient& r) {
  const auto now = clock_.now();
  const auto directory = rooms_.directory.get();
  const auto active = live_.policy.get();
  auto v = rooms_.env.read([&](read_txn& txn) {
    const question q{.phase = policy::phase::attempt,
                     .now = now,
                     .tenant = m.tenant,
                     .stream = m.stream,
                     .campaign = m.campaign,
                     .topic = m.topic,
                     .sender_domain = m.sender_domain,
                     .recipient_key = key_of(r.address),
                     .person = r.person,
                     .message = m.id};
    return policy::judge(*active->set, gather(rooms_, *directory, txn, q));
  });
  if (!v) {
    // What is not known is not sent.
    log::error("app/departure_gate", "store_unreadable", {{"cause", describe(v.error())}});
    return {.what = act::defer, .until = now + ask_again};
  }
  queue::dispatch_decision out;
  out.what = act_of(v->decision);
  // RULES A5: what is queued when a tenant is blocked waits for a person; new mail is refused.
  if (v->reason == reputation::bulk_blocked_reason) out.what = act::hold;
  out.reason = v->reason;
  out.rule = v->rule;
  out.policy_version = v->policy_version;
  out.text = v->text;
  out.code = v->enhanced;
  out.until = now + (v->reason == policy::preflight_reason ? ask_dns_again : ask_again);
  return out;
}

bool departure_gate::may_start(tenant_id tenant, smtp::stream stream) noexcept {
  return stream != smtp::stream::bulk || !rooms_.blocker.is_bulk_closed(tenant);
}

}  // namespace consentry::app
