#include "policy/consent/sign_up_store.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"

namespace consentry::policy::consent {
namespace {

constexpr std::size_t form_id_chars = 16;

std::string tenant_key(tenant_id tenant, std::string_view rest = {}) {
  return byte_writer{}.be32(tenant.value).raw(rest).take();
}

std::string notice_key(const sign_up_form& f, std::uint32_t version) {
  return byte_writer{}.be32(f.tenant.value).raw(f.id).be32(version).take();
}

std::string id_key(sign_up_id id) {
  return byte_writer{}.be64(id.value).take();
}

std::string encode(const sign_up_mark& m) {
  byte_writer w;
  w.u8(1).be64(m.last.value).be64(m.mail.value).zigzag(to_ms(m.mailed_at));
  return w.varint(m.asked).take();
}

sign_up_mark decode_mark(std::string_view bytes) {
  byte_reader r{bytes};
  if (r.u8() != 1) throw decode_error{"mark of a sign-up of another version"};
  sign_up_mark m;
  m.last = sign_up_id{r.be64()};
  m.mail = message_id{r.be64()};
  m.mailed_at = from_ms(r.zigzag());
  m.asked = static_cast<std::uint32_t>(r.varint());
  return m;
}

journal::event event_of(journal::event_kind kind, tenant_id tenant, const act& by) {
  journal::event e;
  e.kind = kind;
  e.at = by.at;
  e.tenant = tenant;
  e.actor = by.actor;
  return e;
}

// Collects keys first: a cursor and erasures in one table do not go together.
std::vector<std::string> keys_below(const read_txn& txn, table t, std::string_view prefix,
                                    std::size_t limit) {
  std::vector<std::string> keys;
  auto at = txn.scan(t);
  for (bool ok = at.seek(prefix); ok && at.key().starts_with(prefix) && keys.size() < limit;
       ok = at.next())
    keys.emplace_back(at.key());
  return keys;
}

}  // namespace

sign_up_store::sign_up_store(store_env& env, const journal::event_journal& history)
    : journal_{&history},
      forms_{env.open_table("sign_up_forms")},
      form_ids_{env.open_table("sign_up_form_ids")},
      notices_{env.open_table("sign_up_notices")},
      sign_ups_{env.open_table("sign_ups")},
      marks_{env.open_table("sign_up_marks")},
      templates_{env.open_table("doi_templates")} {}

void sign_up_store::put_form(write_txn& txn, const sign_up_form& f, std::string_view how,
                             const act& by) const {
  CONSENTRY_CHECK(f.id.size() == form_id_chars && f.tenant);
  txn.put(forms_, tenant_key(f.tenant, f.id), consent::encode(f));
  txn.put(form_ids_, f.id, tenant_key(f.tenant));
  txn.put(notices_, notice_key(f, f.notice.version), consent::encode(f.notice));
  auto e = event_of(journal::event_kind::form_changed, f.tenant, by);
  e.topic = f.topic;
  e.facts["form"] = f.id;
  e.facts["how"] = how;
  e.facts["notice"] = f.notice.hash;
  journal_->append(txn, e);
}

std::optional<sign_up_form> sign_up_store::find_form(const read_txn& txn,
                                                     std::string_view form) const {
  if (form.size() != form_id_chars) return std::nullopt;
  const auto id = ascii_lower(form);
  const auto tenant = txn.get(form_ids_, id);
  if (!tenant) return std::nullopt;
  const auto bytes = txn.get(forms_, std::string{*tenant} + id);
  if (!bytes) return std::nullopt;
  return decode_form(*bytes);
}

std::vector<sign_up_form> sign_up_store::forms_of(const read_txn& txn, tenant_id tenant) const {
  std::vector<sign_up_form> out;
  const auto prefix = tenant_key(tenant);
  auto at = txn.scan(forms_);
  for (bool ok = at.seek(prefix); ok && at.key().starts_with(prefix); ok = at.next())
    out.push_back(decode_form(at.value()));
  return out;
}

std::vector<form_notice> sign_up_store::notices_of(const read_txn& txn,
                                                   const sign_up_form& f) const {
  std::vector<form_notice> out;
  const auto prefix = tenant_key(f.tenant, f.id);
  auto at = txn.scan(notices_);
  for (bool ok = at.seek(prefix); ok && at.key().starts_with(prefix); ok = at.next())
    out.push_back(decode_notice(at.value()));
  return out;
}

bool sign_up_store::add(write_txn& txn, const pending_sign_up& p, const act& by) const {
  CONSENTRY_CHECK(p.id && p.key.tenant && !p.key.topic.empty() && p.evidence.given_at);
  if (txn.get(sign_ups_, id_key(p.id))) return false;
  txn.put(sign_ups_, id_key(p.id), consent::encode(p));
  auto m = mark_of(txn, p.key);
  m.last = p.id;
  m.asked = 1;
  put_mark(txn, p.key, m);
  auto e = event_of(journal::event_kind::signed_up, p.key.tenant, by);
  e.person = p.key.person;
  e.topic = p.key.topic;
  e.commitment = commitment_to(p.key, p.evidence);
  e.facts["sign_up"] = to_string(p.id);
  e.facts["source"] = p.source == sign_up_source::form ? "form" : "api";
  if (!p.evidence.form_id.empty()) e.facts["form"] = printable(p.evidence.form_id, 100);
  if (!p.evidence.notice.hash.empty()) e.facts["notice"] = printable(p.evidence.notice.hash, 100);
  journal_->append(txn, e);
  return true;
}

void sign_up_store::count_again(write_txn& txn, const consent_key& key) const {
  auto m = mark_of(txn, key);
  ++m.asked;
  put_mark(txn, key, m);
}

void sign_up_store::set_confirmed(write_txn& txn, const pending_sign_up& p, instant at) const {
  auto changed = p;
  changed.confirmed_at = at;
  txn.put(sign_ups_, id_key(p.id), consent::encode(changed));
}

void sign_up_store::note_mail(write_txn& txn, const consent_key& key, message_id mail,
                              instant at) const {
  auto m = mark_of(txn, key);
  if (m.is_mailed(at)) return;
  m.mail = mail;
  m.mailed_at = at;
  put_mark(txn, key, m);
}

std::optional<pending_sign_up> sign_up_store::find(const read_txn& txn, sign_up_id id) const {
  const auto bytes = txn.get(sign_ups_, id_key(id));
  if (!bytes) return std::nullopt;
  return decode_sign_up(id, *bytes);
}

std::vector<pending_sign_up> sign_up_store::sign_ups_of(const read_txn& txn, tenant_id tenant,
                                                        std::string_view person) const {
  std::vector<pending_sign_up> out;
  auto at = txn.scan(sign_ups_);
  for (bool ok = at.first(); ok; ok = at.next()) {
    auto p = decode_sign_up(sign_up_id{byte_reader{at.key()}.be64()}, at.value());
    if (p.key.tenant == tenant && p.key.person == person) out.push_back(std::move(p));
  }
  return out;
}

sign_up_mark sign_up_store::mark_of(const read_txn& txn, const consent_key& key) const {
  const auto bytes = txn.get(marks_, stored_key(key));
  return bytes ? decode_mark(*bytes) : sign_up_mark{};
}

void sign_up_store::put_mark(write_txn& txn, const consent_key& key, const sign_up_mark& m) const {
  txn.put(marks_, stored_key(key), encode(m));
}

void sign_up_store::approve(write_txn& txn, tenant_id tenant, const doi_template& t,
                            const act& by) const {
  CONSENTRY_CHECK(t.hash.size() == 32);
  txn.put(templates_, tenant_key(tenant, t.hash), consent::encode(t));
  auto e = event_of(journal::event_kind::desk_act, tenant, by);
  e.facts["what"] = "doi template approved";
  e.facts["template"] = hex(t.hash);
  e.facts["name"] = printable(t.name, 200);
  journal_->append(txn, e);
}

bool sign_up_store::revoke(write_txn& txn, tenant_id tenant, std::string_view hash,
                           const act& by) const {
  if (hash.size() != 32 || !txn.erase(templates_, tenant_key(tenant, hash))) return false;
  auto e = event_of(journal::event_kind::desk_act, tenant, by);
  e.facts["what"] = "doi template revoked";
  e.facts["template"] = hex(hash);
  journal_->append(txn, e);
  return true;
}

bool sign_up_store::is_approved(const read_txn& txn, tenant_id tenant,
                                std::string_view hash) const {
  return hash.size() == 32 && txn.get(templates_, tenant_key(tenant, hash)).has_value();
}

std::vector<doi_template> sign_up_store::templates_of(const read_txn& txn, tenant_id tenant) const {
  std::vector<doi_template> out;
  const auto prefix = tenant_key(tenant);
  auto at = txn.scan(templates_);
  for (bool ok = at.seek(prefix); ok && at.key().starts_with(prefix); ok = at.next())
    out.push_back(decode_doi_template(at.value()));
  return out;
}

std::size_t sign_up_store::remove_expired(write_txn& txn, instant now, std::size_t limit) const {
  // By the id, which is the time of recording: a sign-up told later than it happened stays a little
  // longer, and is closed all the same.
  std::vector<pending_sign_up> over;
  {
    auto at = txn.scan(sign_ups_);
    for (bool ok = at.first(); ok && over.size() < limit; ok = at.next()) {
      const sign_up_id id{byte_reader{at.key()}.be64()};
      if (now - time_of(id) <= sign_up_life) break;
      auto p = decode_sign_up(id, at.value());
      // One that was mailed late stays as long as its mark guards against a second mail.
      const auto m = mark_of(txn, p.key);
      if (m.last != id || !m.is_mailed(now)) over.push_back(std::move(p));
    }
  }
  for (const auto& p : over) {
    txn.erase(sign_ups_, id_key(p.id));
    if (mark_of(txn, p.key).last == p.id) txn.erase(marks_, stored_key(p.key));
  }
  return over.size();
}

void sign_up_store::erase_person(write_txn& txn, tenant_id tenant, std::string_view person) const {
  CONSENTRY_CHECK(person.size() == 16);
  for (const auto& key : keys_below(txn, marks_, tenant_key(tenant, person), 1000))
    txn.erase(marks_, key);
  for (const auto& p : sign_ups_of(txn, tenant, person)) txn.erase(sign_ups_, id_key(p.id));
}

std::size_t sign_up_store::erase_tenant(write_txn& txn, tenant_id tenant, std::size_t limit) const {
  std::size_t count = 0;
  const auto prefix = tenant_key(tenant);
  for (const auto& key : keys_below(txn, forms_, prefix, limit))
    txn.erase(form_ids_, std::string_view{key}.substr(4));
  for (const auto t : {forms_, notices_, marks_, templates_})
    for (const auto& key : keys_below(txn, t, prefix, limit - count)) {
      txn.erase(t, key);
      ++count;
    }
  std::vector<sign_up_id> found;
  {
    auto at = txn.scan(sign_ups_);
    for (bool ok = at.first(); ok && count + found.size() < limit; ok = at.next()) {
      const sign_up_id id{byte_reader{at.key()}.be64()};
      if (decode_sign_up(id, at.value()).key.tenant == tenant) found.push_back(id);
    }
  }
  for (const auto id : found) txn.erase(sign_ups_, id_key(id));
  return count + found.size();
}

}  // namespace consentry::policy::consent
