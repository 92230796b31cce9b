#include "policy/consent/consent_record.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "base/bytes.h"
#include "base/check.h"
#include "base/secret.h"
#include "base/text.h"

// person = u8 version(2), address to the end            where no name was declared
//        | u8 version(1), text address, text name

namespace consentry::policy::consent {

namespace {

void write_time(byte_writer& w, const std::optional<instant>& t) {
  w.flag(t.has_value());
  if (t) w.zigzag(to_ms(*t));
}

void write_day(byte_writer& w, const std::optional<civil_date>& d) {
  w.flag(d.has_value());
  if (d) w.zigzag(std::chrono::sys_days{*d}.time_since_epoch().count());
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

bool has_later_fields(const consent_record& c) {
  return c.box_came_ticked || c.doi_sent_at || !c.purchase_id.empty() || c.birth_day ||
         c.expires_on;
}

void write_later_fields(byte_writer& w, const consent_record& c) {
  w.flag(c.box_came_ticked.has_value()).flag(c.box_came_ticked.value_or(false));
  write_time(w, c.doi_sent_at);
  w.text(c.purchase_id);
  write_day(w, c.birth_day);
  write_day(w, c.expires_on);
}

bool has_second_act(const consent_record& c) {
  return !c.confirmed_ip.empty() || !c.confirmed_user_agent.empty();
}

void write_second_act(byte_writer& w, const consent_record& c) {
  w.text(c.confirmed_ip).text(c.confirmed_user_agent);
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

template <class T>
void keep_earlier(std::optional<T>& into, const std::optional<T>& other) {
  if (other && (!into || *other < *into)) into = other;
}

// Of two evidences of one instant; what was recorded first stands, and of those the same one in
// whatever order they come.
bool stands_before(const consent_record& a, const consent_record& b) {
  if (a.recorded_at != b.recorded_at) return a.recorded_at < b.recorded_at;
  byte_writer left, right;
  write_evidence(left, a);
  write_later_fields(left, a);
  write_second_act(left, a);
  write_evidence(right, b);
  write_later_fields(right, b);
  write_second_act(right, b);
  left.be64(a.import_entry.value);
  right.be64(b.import_entry.value);
  return left.bytes() < right.bytes();
}

bool brings_evidence(const consent_record& incoming, const consent_record& stored) {
  if (incoming.given_at != stored.given_at)
    return incoming.given_at && (!stored.given_at || *incoming.given_at > *stored.given_at);
  // Of one consent told twice the newest purchase counts (RULES A4).
  if (incoming.purchase_day != stored.purchase_day)
    return incoming.purchase_day > stored.purchase_day;
  return stands_before(incoming, stored);
}

// The first confirmation stands, with where it came from; one that tells that before one that does
// not.
void keep_first_confirmation(consent_record& into, const consent_record& other) {
  const auto rank = [](const consent_record& c) {
    return std::make_tuple(*c.confirmed_at, !has_second_act(c), std::string_view{c.confirmed_ip},
                           std::string_view{c.confirmed_user_agent});
  };
  if (!other.confirmed_at || (into.confirmed_at && rank(into) <= rank(other))) return;
  into.confirmed_at = other.confirmed_at;
  into.confirmed_ip = other.confirmed_ip;
  into.confirmed_user_agent = other.confirmed_user_agent;
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

namespace {

template <std::size_t N>
bool has_word(const std::vector<std::string_view>& words,
              const std::array<std::string_view, N>& sought) {
  return std::ranges::any_of(
      words, [&](std::string_view w) { return std::ranges::find(sought, w) != sought.end(); });
}

// "rented list 2024", "purchased_contacts", "vásárolt címlista": people write more than one word.
bool tells_of_a_list(std::string_view folded) {
  static constexpr std::array<std::string_view, 11> always{
      "rented", "leased", "harvested", "scraped",  "crawled",   "unknown",
      "bérelt", "berelt", "gyűjtött",  "gyujtott", "ismeretlen"};
  static constexpr std::array<std::string_view, 5> paid{"purchased", "bought", "acquired",
                                                        "vásárolt", "vasarolt"};
  static constexpr std::array<std::string_view, 14> list{
      "list",  "lists",     "database",  "data",     "addresses", "leads", "contacts",
      "lista", "adatbázis", "adatbazis", "címlista", "cimlista",  "címek", "cimek"};
  const auto words = split(folded, '_');
  return has_word(words, always) || (has_word(words, paid) && has_word(words, list)) ||
         folded.starts_with("other_company") || folded.starts_with("third_party") ||
         folded.starts_with("más_cég") || folded.starts_with("mas_ceg");
}

}  // namespace

bool is_forbidden_provenance(std::string_view provenance) noexcept {
  static constexpr std::array<std::string_view, 18> forbidden{
      "",          "purchased",     "bought",       "rented",           "rental",
      "leased",    "other_company", "third_party",  "third_party_list", "partner_list",
      "harvested", "scraped",       "mailbox_copy", "mailbox",          "address_book",
      "unknown",   "none",          "n/a"};
  const auto folded = fold_word(provenance);
  return std::ranges::find(forbidden, folded) != forbidden.end() || tells_of_a_list(folded);
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

void add_all_topics(consent_record& r, const consent_record& all_topics) {
  if (all_topics.withdrawn_at &&
      std::tie(r.withdrawn_at, r.withdrawn_method) <
          std::tie(all_topics.withdrawn_at, all_topics.withdrawn_method)) {
    r.withdrawn_at = all_topics.withdrawn_at;
    r.withdrawn_method = all_topics.withdrawn_method;
  }
  keep_later(r.unticked_at, all_topics.unticked_at);
  keep_later(r.objected_at, all_topics.objected_at);
}

consent_record merge(const consent_record& stored, const consent_record& incoming) {
  const bool is_newer = brings_evidence(incoming, stored);
  const auto& newer = is_newer ? incoming : stored;
  const auto& other = is_newer ? stored : incoming;
  consent_record out = newer;
  // The same consent told twice: the second may bring the confirmation.
  if (newer.given_at == other.given_at) {
    keep_first_confirmation(out, other);
    keep_earlier(out.doi_sent_at, other.doi_sent_at);
    keep_earlier(out.expires_on, other.expires_on);
  }
  add_all_topics(out, other);
  keep_later(out.declared_delivery_day, other.declared_delivery_day);
  out.first_delivery.reset();
  out.last_delivery.reset();
  for (const auto* side : {&stored, &incoming})
    for (const auto& mark : {side->first_delivery, side->last_delivery})
      if (mark) add_delivery(out, *mark);
  return out;
}

bool is_same_matter(std::string_view sender, std::string_view topic,
                    const consent_key& key) noexcept {
  return ascii_iequals(trim(topic), trim(key.topic)) &&
         ascii_iequals(trim(sender), trim(key.sender));
}

std::string record_id(const consent_record& r) {
  if (r.salt.empty()) return "";
  const auto digest = sha256("consentry consent record id" + r.salt);
  return "c" + base32(as_bytes(digest).substr(0, 10));
}

std::string commitment_to(const consent_key& key, const consent_record& c) {
  CONSENTRY_CHECK(c.salt.size() == 16);
  byte_writer w;
  // A record without the fields that came later commits as it did before there were any.
  const bool is_later = has_later_fields(c);
  const bool is_last = has_second_act(c);
  w.raw(is_last    ? "consentry consent 3"
        : is_later ? "consentry consent 2"
                   : "consentry consent 1")
      .raw(c.salt);
  w.be32(key.tenant.value).text(key.person).text(fold_name(key.sender)).text(fold_name(key.topic));
  write_evidence(w, c);
  if (is_later || is_last) write_later_fields(w, c);
  if (is_last) write_second_act(w, c);
  return std::string{as_bytes(sha256(w.bytes()))};
}

std::string encode(const person_record& p) {
  if (p.name.empty()) return byte_writer{}.u8(2).raw(p.address).take();
  return byte_writer{}.u8(1).text(p.address).text(p.name).take();
}

person_record decode_person(std::string_view bytes) {
  byte_reader r{bytes};
  const auto version = r.u8();
  person_record p;
  if (version == 2) {
    p.address = r.rest();
    return p;
  }
  if (version != 1) throw decode_error{"person record of another version"};
  p.address = r.text();
  p.name = r.text();
  return p;
}

}  // namespace consentry::policy::consent
