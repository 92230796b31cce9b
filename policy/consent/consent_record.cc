#include "policy/consent/consent_record.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/bytes.h"
#include "base/check.h"
#include "base/secret.h"
#include "base/text.h"

// consent = u8 version(1), evidence, after
//   evidence = sender topic given_at? given_text confirmed_at? method provenance notice*4
//   evidence_reference form_id u8 tick ip
//              user_agent purchase_day? importer recorded_at salt
//   after    = withdrawn_at? withdrawn_method unticked_at? objected_at? delivery? delivery?
//   declared_day?
// person  = u8 version(1), address, name          ("?": a flag byte, then the value if it is 1)

namespace consentry::policy::consent {

namespace {

constexpr std::uint8_t record_version = 1;

void write_time(byte_writer& w, const std::optional<instant>& t) {
  w.flag(t.has_value());
  if (t) w.zigzag(to_ms(*t));
}

std::optional<instant> read_time(byte_reader& r) {
  if (!r.flag()) return std::nullopt;
  return from_ms(r.zigzag());
}

void write_day(byte_writer& w, const std::optional<civil_date>& d) {
  w.flag(d.has_value());
  if (d) w.zigzag(std::chrono::sys_days{*d}.time_since_epoch().count());
}

std::optional<civil_date> read_day(byte_reader& r) {
  if (!r.flag()) return std::nullopt;
  return civil_date{
      std::chrono::sys_days{std::chrono::days{static_cast<std::int32_t>(r.zigzag())}}};
}

void write_mark(byte_writer& w, const std::optional<delivery_mark>& d) {
  w.flag(d.has_value());
  if (d) w.zigzag(to_ms(d->at)).varint(d->recipient.value);
}

std::optional<delivery_mark> read_mark(byte_reader& r) {
  if (!r.flag()) return std::nullopt;
  delivery_mark d;
  d.at = from_ms(r.zigzag());
  d.recipient = recipient_id{r.varint()};
  return d;
}

void write_evidence(byte_writer& w, const consent_record& c) {
  w.text(c.sender).text(c.topic);
  write_time(w, c.given_at);
  w.text(c.given_at_text);
  write_time(w, c.confirmed_at);
  w.text(c.method).text(c.provenance);
  w.text(c.notice.version).text(c.notice.hash).text(c.notice.language).text(c.notice.url);
  w.text(c.evidence_reference).text(c.form_id).u8(static_cast<std::uint8_t>(c.tick));
  w.text(c.ip).text(c.user_agent);
  write_day(w, c.purchase_day);
  w.text(c.importer).zigzag(to_ms(c.recorded_at)).text(c.salt);
}

void read_evidence(byte_reader& r, consent_record& c) {
  c.sender = r.text();
  c.topic = r.text();
  c.given_at = read_time(r);
  c.given_at_text = r.text();
  c.confirmed_at = read_time(r);
  c.method = r.text();
  c.provenance = r.text();
  c.notice.version = r.text();
  c.notice.hash = r.text();
  c.notice.language = r.text();
  c.notice.url = r.text();
  c.evidence_reference = r.text();
  c.form_id = r.text();
  const auto tick = r.u8();
  if (tick > static_cast<std::uint8_t>(tick_state::unticked)) throw decode_error{"tick state"};
  c.tick = static_cast<tick_state>(tick);
  c.ip = r.text();
  c.user_agent = r.text();
  c.purchase_day = read_day(r);
  c.importer = r.text();
  c.recorded_at = from_ms(r.zigzag());
  c.salt = r.text();
}

// One spelling for "Pre-Selected", "pre selected" and "pre_selected".
std::string fold_word(std::string_view word) {
  auto out = ascii_lower(trim(word));
  std::replace_if(out.begin(), out.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
  return out;
}

template <class T>
void keep_later(std::optional<T>& into, const std::optional<T>& other) {
  if (other && (!into || *into < *other)) into = other;
}

bool is_before(const delivery_mark& a, const delivery_mark& b) {
  return std::tie(a.at, a.recipient) < std::tie(b.at, b.recipient);
}

}  // namespace

std::string fold_name(std::string_view sender_or_topic) {
  return ascii_lower(trim(sender_or_topic));
}

std::string_view to_string(tick_state t) noexcept {
  switch (t) {
    case tick_state::none:
      return "none";
    case tick_state::ticked:
      return "ticked";
    case tick_state::preticked:
      return "preticked";
    case tick_state::unticked:
      return "unticked";
  }
  return "unknown";
}

std::optional<tick_state> parse_tick_state(std::string_view name) noexcept {
  for (auto t : {tick_state::none, tick_state::ticked, tick_state::preticked, tick_state::unticked})
    if (ascii_iequals(to_string(t), name)) return t;
  return std::nullopt;
}

bool is_forbidden_provenance(std::string_view provenance) noexcept {
  static constexpr std::array<std::string_view, 18> forbidden{
      "",          "purchased",     "bought",       "rented",           "rental",
      "leased",    "other_company", "third_party",  "third_party_list", "partner_list",
      "harvested", "scraped",       "mailbox_copy", "mailbox",          "address_book",
      "unknown",   "none",          "n/a"};
  return std::ranges::find(forbidden, fold_word(provenance)) != forbidden.end();
}

bool is_implicit_method(std::string_view method) noexcept {
  static constexpr std::array<std::string_view, 10> implicit{
      "implicit",    "implied", "assumed", "preselected", "pre_selected",
      "soft_opt_in", "opt_out", "default", "unknown",     "none"};
  return std::ranges::find(implicit, fold_word(method)) != implicit.end();
}

void add_delivery(consent_record& r, const delivery_mark& d) {
  // What was delivered before the consent was given proves nothing about it.
  if (!r.given_at || budapest_day(d.at) < budapest_day(*r.given_at)) return;
  if (!r.first_delivery || is_before(d, *r.first_delivery)) r.first_delivery = d;
  if (!r.last_delivery || is_before(*r.last_delivery, d)) r.last_delivery = d;
}

void retract_delivery(consent_record& r, recipient_id bounced) {
  const auto is_it = [&](const auto& mark) { return mark && mark->recipient == bounced; };
  // Of the deliveries between first and last nothing is kept: what remains is true, if less than
  // the whole.
  const auto first = is_it(r.first_delivery) ? std::nullopt : r.first_delivery;
  const auto last = is_it(r.last_delivery) ? std::nullopt : r.last_delivery;
  r.first_delivery = first ? first : last;
  r.last_delivery = last ? last : first;
}

consent_record merge(const consent_record& stored, const consent_record& incoming) {
  // Of one consent told twice the newest purchase counts (RULES A4).
  const bool is_newer = incoming.given_at && std::tie(incoming.given_at, incoming.purchase_day) >
                                                 std::tie(stored.given_at, stored.purchase_day);
  const auto& newer = is_newer ? incoming : stored;
  const auto& other = is_newer ? stored : incoming;
  consent_record out = newer;
  // The same consent told twice: the second may bring the confirmation.
  if (newer.given_at == other.given_at && other.confirmed_at &&
      (!out.confirmed_at || *other.confirmed_at < *out.confirmed_at))
    out.confirmed_at = other.confirmed_at;
  if (other.withdrawn_at && (!out.withdrawn_at || *out.withdrawn_at < *other.withdrawn_at)) {
    out.withdrawn_at = other.withdrawn_at;
    out.withdrawn_method = other.withdrawn_method;
  }
  keep_later(out.unticked_at, other.unticked_at);
  keep_later(out.objected_at, other.objected_at);
  keep_later(out.declared_delivery_day, other.declared_delivery_day);
  out.first_delivery.reset();
  out.last_delivery.reset();
  for (const auto* side : {&stored, &incoming})
    for (const auto& mark : {side->first_delivery, side->last_delivery})
      if (mark) add_delivery(out, *mark);
  return out;
}

std::string encode(const consent_record& c) {
  byte_writer w;
  w.u8(record_version);
  write_evidence(w, c);
  write_time(w, c.withdrawn_at);
  w.text(c.withdrawn_method);
  write_time(w, c.unticked_at);
  write_time(w, c.objected_at);
  write_mark(w, c.first_delivery);
  write_mark(w, c.last_delivery);
  write_day(w, c.declared_delivery_day);
  return w.take();
}

consent_record decode_consent(std::string_view bytes) {
  byte_reader r{bytes};
  if (r.u8() != record_version) throw decode_error{"consent record of another version"};
  consent_record c;
  read_evidence(r, c);
  c.withdrawn_at = read_time(r);
  c.withdrawn_method = r.text();
  c.unticked_at = read_time(r);
  c.objected_at = read_time(r);
  c.first_delivery = read_mark(r);
  c.last_delivery = read_mark(r);
  c.declared_delivery_day = read_day(r);
  if (!r.at_end()) throw decode_error{"bytes behind a consent record"};
  return c;
}

std::string commitment_to(const consent_key& key, const consent_record& c) {
  CONSENTRY_CHECK(c.salt.size() == 16);
  byte_writer w;
  w.raw("consentry consent 1").raw(c.salt);
  w.be32(key.tenant.value).text(key.person).text(fold_name(key.sender)).text(fold_name(key.topic));
  write_evidence(w, c);
  return std::string{as_bytes(sha256(w.bytes()))};
}

std::string encode(const person_record& p) {
  return byte_writer{}.u8(record_version).text(p.address).text(p.name).take();
}

person_record decode_person(std::string_view bytes) {
  byte_reader r{bytes};
  if (r.u8() != record_version) throw decode_error{"person record of another version"};
  person_record p;
  p.address = r.text();
  p.name = r.text();
  return p;
}

}  // namespace consentry::policy::consent
