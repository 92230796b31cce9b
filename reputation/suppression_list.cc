#include "reputation/suppression_list.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/civil_date.h"
#include "base/text.h"

namespace consentry::reputation {
namespace {

std::string key_of(tenant_id tenant, std::string_view person) {
  CONSENTRY_CHECK(person.size() == 16);
  return byte_writer{}.be32(tenant.value).raw(person).take();
}

journal::event event_of(journal::event_kind kind, tenant_id tenant, std::string_view person,
                        const suppression& s, std::string_view actor) {
  journal::event e{.kind = kind,
                   .at = s.at,
                   .tenant = tenant,
                   .message = s.message,
                   .recipient = s.recipient,
                   .person = std::string{person},
                   .campaign = s.campaign,
                   .reason = std::string{to_string(s.reason)},
                   .rule = "C5",
                   .actor = std::string{actor}};
  if (!s.source.empty()) e.facts["source"] = s.source;
  if (s.expires_at) e.facts["expires_at"] = to_string_utc(*s.expires_at);
  return e;
}

}  // namespace

suppression_list::suppression_list(store_env& env, const journal::event_journal& journal)
    : journal_{journal}, suppressions_{env.open_table("suppressions")} {}

bool suppression_list::add(write_txn& txn, tenant_id tenant, std::string_view person,
                           const suppression& s, std::string_view actor) const {
  const auto key = key_of(tenant, person);
  auto stored = s;
  if (const auto old = find(txn, tenant, person, s.at)) {
    stored = merge(*old, s);
    if (stored == *old) return false;
  }
  txn.put(suppressions_, key, encode(stored));
  auto e = event_of(journal::event_kind::suppressed, tenant, person, stored, actor);
  e.at = s.at;
  journal_.append(txn, e);
  return true;
}

result<void> suppression_list::remove(write_txn& txn, tenant_id tenant, std::string_view person,
                                      std::string_view actor, std::string_view reason,
                                      instant at) const {
  const auto no = [](failure_kind kind, const char* text) {
    return failure{.kind = kind, .permanent = true, .public_text = text};
  };
  if (trim(actor).empty()) return no(failure_kind::invalid, "the person who decides must be named");
  if (trim(reason).empty()) return no(failure_kind::invalid, "a reason is needed");
  const auto key = key_of(tenant, person);
  const auto bytes = txn.get(suppressions_, key);
  if (!bytes) return no(failure_kind::not_found, "not suppressed");
  auto e = event_of(journal::event_kind::unsuppressed, tenant, person, decode_suppression(*bytes),
                    actor);
  e.at = at;
  e.facts["was"] = std::exchange(e.reason, std::string{reason});
  txn.erase(suppressions_, key);
  journal_.append(txn, e);
  return {};
}

void suppression_list::forget_source(write_txn& txn, tenant_id tenant, std::string_view person,
                                     const std::function<bool(std::string_view)>& names) const {
  const auto key = key_of(tenant, person);
  const auto bytes = txn.get(suppressions_, key);
  if (!bytes) return;
  auto s = decode_suppression(*bytes);
  if (s.source.find('@') == std::string::npos && !(names && names(s.source))) return;
  s.source = "erased";
  txn.put(suppressions_, key, encode(s));
}

suppression_list::page suppression_list::list(const read_txn& txn, tenant_id tenant,
                                              std::string_view after, std::size_t limit,
                                              std::optional<suppression_reason> only,
                                              instant now) const {
  constexpr std::size_t looked_at_max = 10'000;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  page out;
  std::size_t looked_at = 0;
  auto c = txn.scan(suppressions_);
  const auto from = prefix + std::string{after};
  bool more = c.seek(from);
  if (more && !after.empty() && c.key() == from) more = c.next();
  for (; more && c.key().starts_with(prefix); more = c.next()) {
    if (out.entries.size() == limit || looked_at == looked_at_max) return out;
    ++looked_at;
    const auto person = c.key().substr(prefix.size());
    out.next = person;
    auto s = decode_suppression(c.value());
    if (is_in_force(s, now) && (!only || s.reason == *only))
      out.entries.push_back({std::string{person}, std::move(s)});
  }
  out.next.clear();
  return out;
}

std::vector<suppression_list::listed> suppression_list::all(const read_txn& txn, tenant_id tenant,
                                                            std::size_t rows,
                                                            std::string& resume) const {
  std::vector<listed> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  const auto from = std::exchange(resume, {});
  auto at = txn.scan(suppressions_);
  for (bool ok = at.seek(from.empty() ? prefix : from); ok && at.key().starts_with(prefix);
       ok = at.next()) {
    if (rows-- == 0) {
      resume = at.key();
      break;
    }
    out.push_back({std::string{at.key().substr(prefix.size())}, decode_suppression(at.value())});
  }
  return out;
}

void suppression_list::restore(write_txn& txn, tenant_id tenant, const listed& l) const {
  txn.put(suppressions_, key_of(tenant, l.person), encode(l.what));
}

std::optional<suppression> suppression_list::find(const read_txn& txn, tenant_id tenant,
                                                  std::string_view person, instant now) const {
  const auto bytes = txn.get(suppressions_, key_of(tenant, person));
  if (!bytes) return std::nullopt;
  auto s = decode_suppression(*bytes);
  if (!is_in_force(s, now)) return std::nullopt;
  return s;
}

}  // namespace consentry::reputation
