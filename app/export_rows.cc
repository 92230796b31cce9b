#include "app/export_rows.h"

#include <stdexcept>

#include "app/complaint_veil.h"
#include "app/export_fields.h"
#include "base/bytes.h"
#include "base/sealed_text.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace consent = policy::consent;
namespace tenants = policy::tenants;

constexpr std::size_t person_bytes = 16;

// What a purpose seals opens for no other name: a key cannot be moved to another tenant's file.
std::string purpose_of(std::string_view what, std::string_view name) {
  return std::string{what} + '\0' + std::string{name};
}

std::string opened(field_reader& in, std::string_view member, std::string_view key,
                   const std::string& purpose) {
  const auto sealed = parse_base64(in.required_text(member));
  auto secret = sealed ? unseal(key, purpose, *sealed) : std::nullopt;
  if (!secret)
    throw configuration_error(std::string{member} + ": was sealed by another gateway's export.key");
  return std::move(*secret);
}

template <class Enum, class Parse>
Enum named(field_reader& in, std::string_view member, Parse parse) {
  const auto value = parse(in.required_text(member));
  if (!value) throw configuration_error(std::string{member} + ": unknown value");
  return *value;
}

std::optional<tenants::domain_proof> parse_proof(std::string_view name) {
  for (const auto p : {tenants::domain_proof::none, tenants::domain_proof::dns_token,
                       tenants::domain_proof::operator_act})
    if (to_string(p) == name) return p;
  return std::nullopt;
}

// Numbers of recipients and of journal entries mean nothing elsewhere.
consent::consent_record without_numbers(consent::consent_record r) {
  r.import_entry = {};
  if (r.first_delivery) r.first_delivery->recipient = {};
  if (r.last_delivery) r.last_delivery->recipient = {};
  return r;
}

std::string_view box_text(const std::optional<bool>& b) {
  if (!b) return {};
  return *b ? "yes" : "no";
}

std::optional<bool> box_in(const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (text != "yes" && text != "no") throw configuration_error("box_came_ticked: yes or no");
  return text == "yes";
}

std::optional<consent::delivery_mark> mark_at(const std::optional<instant>& t) {
  if (!t) return std::nullopt;
  return consent::delivery_mark{.at = *t, .recipient = {}};
}

std::optional<instant> time_of(const std::optional<consent::delivery_mark>& m) {
  return m ? std::optional{m->at} : std::nullopt;
}

}  // namespace

row tenant_row(const tenants::tenant& t, std::string_view export_key) {
  return field_writer{}
      .text("name", t.name)
      .text("legal_name", t.legal_name)
      .text("contact", t.contact)
      .text("postal_address", t.postal_address)
      .text("state", to_string(t.state))
      .time("state_since", t.state_since)
      .time("created_at", t.created_at)
      .time("contact_confirmed_at", t.contact_confirmed_at)
      .text("contact_confirmed_by", t.contact_confirmed_by)
      .text("ended_because", to_string(t.ended_because))
      .text("sealed_key",
            base64(seal(export_key, purpose_of("pseudonyms", t.legal_name), t.pseudonym_key)))
      .take();
}

tenants::tenant read_tenant(const row& r, std::string_view export_key) {
  field_reader in{r};
  tenants::tenant t;
  t.name = in.required_text("name");
  t.legal_name = in.required_text("legal_name");
  t.contact = in.required_text("contact");
  t.postal_address = in.text("postal_address");
  t.state = named<tenants::tenant_state>(in, "state", tenants::parse_tenant_state);
  t.state_since = in.time("state_since");
  t.created_at = in.time("created_at");
  t.contact_confirmed_at = in.time("contact_confirmed_at");
  t.contact_confirmed_by = in.text("contact_confirmed_by");
  if (const auto why = in.required_text("ended_because"); why != "none") {
    const auto parsed = tenants::parse_termination_reason(why);
    if (!parsed) throw configuration_error("ended_because: unknown value");
    t.ended_because = *parsed;
  }
  t.pseudonym_key = opened(in, "sealed_key", export_key, purpose_of("pseudonyms", t.legal_name));
  if (t.pseudonym_key.size() != 32) throw configuration_error("sealed_key: wrong size");
  in.finish();
  return t;
}

row domain_row(const tenants::sender_domain& d) {
  return field_writer{}
      .text("domain", d.domain)
      .time("added_at", d.added_at)
      .text("verified_by", to_string(d.verified_by))
      .time("verified_at", d.verified_at)
      .text("dns_token", d.dns_token)
      .text("dkim_selector", d.dkim_selector)
      .take();
}

tenants::sender_domain read_domain(const row& r) {
  field_reader in{r};
  tenants::sender_domain d;
  d.domain = in.required_text("domain");
  d.added_at = in.time("added_at");
  d.verified_by = named<tenants::domain_proof>(in, "verified_by", parse_proof);
  d.verified_at = in.time("verified_at");
  d.dns_token = in.required_text("dns_token");
  d.dkim_selector = in.required_text("dkim_selector");
  in.finish();
  return d;
}

row credential_row(const tenants::credential& c, std::string_view export_key) {
  const auto keys = byte_writer{}
                        .text(c.scram.salt)
                        .varint(static_cast<std::uint64_t>(c.scram.iterations))
                        .text(c.scram.stored_key)
                        .text(c.scram.server_key)
                        .take();
  return field_writer{}
      .text("user", c.user)
      .text("stream", smtp::to_string(c.stream))
      .text("campaign", c.campaign)
      .text("topic", c.topic)
      .flag("active", c.active)
      .time("created_at", c.created_at)
      .text("sealed_password", base64(seal(export_key, purpose_of("password", c.user), keys)))
      .take();
}

tenants::credential read_credential(const row& r, std::string_view export_key) {
  field_reader in{r};
  tenants::credential c;
  c.user = in.required_text("user");
  c.stream = named<smtp::stream>(in, "stream", smtp::parse_stream);
  c.campaign = in.text("campaign");
  c.topic = in.text("topic");
  c.active = in.flag("active");
  c.created_at = in.time("created_at");
  const auto keys = opened(in, "sealed_password", export_key, purpose_of("password", c.user));
  byte_reader bytes{keys};
  c.scram.salt = bytes.text();
  c.scram.iterations = static_cast<int>(bytes.varint());
  c.scram.stored_key = bytes.text();
  c.scram.server_key = bytes.text();
  in.finish();
  return c;
}

row person_row(const consent::listed_person& p) {
  return field_writer{}
      .hex("person", p.person)
      .text("address", p.record.address)
      .text("name", p.record.name)
      .take();
}

consent::listed_person read_person(const row& r) {
  field_reader in{r};
  consent::listed_person p;
  p.person = in.hex("person", person_bytes);
  p.record.address = in.text("address");
  p.record.name = in.text("name");
  in.finish();
  if (p.person.empty()) throw configuration_error("person: is missing");
  return p;
}

// Of whoever complained the day alone is to be read (RULES D5); the moment comes back.
std::string sealed_objection(const consent::listed_consent& c, std::string_view export_key) {
  const auto at = c.record.objected_at;
  if (!at || *at == only_the_day(*at)) return {};
  return base64(seal(export_key, purpose_of("objection", c.key.person), to_string_utc(*at)));
}

row consent_row(const consent::listed_consent& c, std::string_view export_key) {
  const auto& x = c.record;
  auto out = field_writer{}
                 .hex("person", c.key.person)
                 .flag("all_topics", c.all_topics)
                 .text("sender", x.sender)
                 .text("topic", x.topic)
                 .time("given_at", x.given_at)
                 .text("given_at_text", x.given_at_text)
                 .time("confirmed_at", x.confirmed_at)
                 .text("confirmed_ip", x.confirmed_ip)
                 .text("confirmed_user_agent", x.confirmed_user_agent)
                 .text("method", x.method)
                 .text("provenance", x.provenance)
                 .text("notice_version", x.notice.version)
                 .text("notice_hash", x.notice.hash)
                 .text("notice_language", x.notice.language)
                 .text("notice_url", x.notice.url)
                 .text("evidence_reference", x.evidence_reference)
                 .text("form_id", x.form_id)
                 .text("tick", to_string(x.tick))
                 .text("box_came_ticked", box_text(x.box_came_ticked))
                 .text("ip", x.ip)
                 .text("user_agent", x.user_agent)
                 .time("doi_sent_at", x.doi_sent_at)
                 .day("purchase_day", x.purchase_day)
                 .text("purchase_id", x.purchase_id)
                 .day("birth_day", x.birth_day)
                 .day("expires_on", x.expires_on)
                 .text("importer", x.importer)
                 .time("recorded_at", x.recorded_at)
                 .hex("salt", x.salt)
                 .time("withdrawn_at", x.withdrawn_at)
                 .text("withdrawn_method", x.withdrawn_method)
                 .time("unticked_at", x.unticked_at)
                 .time("objected_at", veiled(x).objected_at)
                 .text("sealed_objection", sealed_objection(c, export_key))
                 .time("first_delivery_at", time_of(x.first_delivery))
                 .time("last_delivery_at", time_of(x.last_delivery))
                 .day("declared_delivery_day", x.declared_delivery_day)
                 .take();
  if (read_consent(out, export_key).record != without_numbers(x))
    throw std::logic_error("a consent cannot be exported without loss: app/export_rows.cc");
  return out;
}

consent::listed_consent read_consent(const row& r, std::string_view export_key) {
  field_reader in{r};
  consent::listed_consent c;
  auto& x = c.record;
  c.key.person = in.hex("person", person_bytes);
  c.all_topics = in.flag("all_topics");
  x.sender = in.text("sender");
  x.topic = in.text("topic");
  x.given_at = in.maybe_time("given_at");
  x.given_at_text = in.text("given_at_text");
  x.confirmed_at = in.maybe_time("confirmed_at");
  x.confirmed_ip = in.text("confirmed_ip");
  x.confirmed_user_agent = in.text("confirmed_user_agent");
  x.method = in.text("method");
  x.provenance = in.text("provenance");
  x.notice = {.version = in.text("notice_version"),
              .hash = in.text("notice_hash"),
              .language = in.text("notice_language"),
              .url = in.text("notice_url")};
  x.evidence_reference = in.text("evidence_reference");
  x.form_id = in.text("form_id");
  x.tick = named<consent::tick_state>(in, "tick", consent::parse_tick_state);
  x.box_came_ticked = box_in(in.text("box_came_ticked"));
  x.ip = in.text("ip");
  x.user_agent = in.text("user_agent");
  x.doi_sent_at = in.maybe_time("doi_sent_at");
  x.purchase_day = in.day("purchase_day");
  x.purchase_id = in.text("purchase_id");
  x.birth_day = in.day("birth_day");
  x.expires_on = in.day("expires_on");
  x.importer = in.text("importer");
  x.recorded_at = in.time("recorded_at");
  x.salt = in.hex("salt", 16);
  x.withdrawn_at = in.maybe_time("withdrawn_at");
  x.withdrawn_method = in.text("withdrawn_method");
  x.unticked_at = in.maybe_time("unticked_at");
  x.objected_at = in.maybe_time("objected_at");
  if (r.contains("sealed_objection"))
    x.objected_at = parse_timestamp(
        opened(in, "sealed_objection", export_key, purpose_of("objection", c.key.person)));
  x.first_delivery = mark_at(in.maybe_time("first_delivery_at"));
  x.last_delivery = mark_at(in.maybe_time("last_delivery_at"));
  x.declared_delivery_day = in.day("declared_delivery_day");
  in.finish();
  if (c.key.person.empty()) throw configuration_error("person: is missing");
  c.key.sender = x.sender;
  c.key.topic = x.topic;
  return c;
}

row blob_row(const consent::evidence_store::stored_blob& b) {
  return field_writer{}
      .hex("sha256", b.what.digest)
      .text("type", b.what.type)
      .time("stored_at", b.what.stored_at)
      .text("stored_by", b.what.stored_by)
      .text("base64", base64(b.bytes))
      .take();
}

consent::evidence_store::stored_blob read_blob(const row& r) {
  field_reader in{r};
  consent::evidence_store::stored_blob b;
  b.what.digest = in.hex("sha256", 32);
  b.what.type = in.text("type");
  b.what.stored_at = in.time("stored_at");
  b.what.stored_by = in.text("stored_by");
  auto bytes = parse_base64(in.required_text("base64"));
  in.finish();
  if (!bytes || as_bytes(sha256(*bytes)) != b.what.digest)
    throw configuration_error("base64: not the bytes of this digest");
  b.bytes = std::move(*bytes);
  b.what.bytes = b.bytes.size();
  return b;
}

row notice_row(const consent::notice_text& n) {
  return field_writer{}
      .text("version", n.notice.version)
      .text("hash", n.notice.hash)
      .text("language", n.notice.language)
      .text("url", n.notice.url)
      .text("text", n.text)
      .time("stored_at", n.stored_at)
      .text("stored_by", n.stored_by)
      .take();
}

consent::notice_text read_notice(const row& r) {
  field_reader in{r};
  consent::notice_text n;
  n.notice = {.version = in.text("version"),
              .hash = in.required_text("hash"),
              .language = in.text("language"),
              .url = in.text("url")};
  n.text = in.required_text("text");
  n.stored_at = in.time("stored_at");
  n.stored_by = in.text("stored_by");
  in.finish();
  return n;
}

row standing_row(const reputation::standing& s) {
  return field_writer{}
      .flag("bulk_blocked", s.bulk_blocked)
      .number("epoch", s.epoch)
      .time("since", s.since)
      .text("cause", s.cause)
      .text("actor", s.actor)
      .take();
}

reputation::standing read_standing(const row& r) {
  field_reader in{r};
  reputation::standing s;
  s.bulk_blocked = in.flag("bulk_blocked");
  s.epoch = static_cast<std::uint32_t>(in.number("epoch"));
  s.since = in.time("since");
  s.cause = in.text("cause");
  s.actor = in.text("actor");
  in.finish();
  return s;
}

row sum_row(const reputation::tally::sum_row& s) {
  return field_writer{}
      .number("epoch", s.epoch)
      .text(s.by_day ? "day" : "campaign", s.label)
      .number("delivered", s.count.delivered)
      .number("complaints", s.count.complaints)
      .take();
}

reputation::tally::sum_row read_sum(const row& r, bool by_day) {
  field_reader in{r};
  reputation::tally::sum_row s{.by_day = by_day};
  s.epoch = static_cast<std::uint32_t>(in.number("epoch"));
  s.label = by_day ? consentry::to_string(in.day("day").value()) : in.text("campaign");
  s.count = {.delivered = in.number("delivered"), .complaints = in.number("complaints")};
  in.finish();
  return s;
}

row approval_row(const template_approval& a) {
  return field_writer{}
      .hex("fingerprint", a.digest)
      .text("approver", a.approver)
      .text("reason", a.reason)
      .time("approved_at", a.approved_at)
      .time("expires_at", a.expires_at)
      .take();
}

template_approval read_approval(const row& r) {
  field_reader in{r};
  template_approval a;
  a.digest = in.hex("fingerprint", 16);
  a.approver = in.text("approver");
  a.reason = in.text("reason");
  a.approved_at = in.time("approved_at");
  a.expires_at = in.time("expires_at");
  in.finish();
  if (a.digest.empty()) throw configuration_error("fingerprint: is missing");
  return a;
}

row exemption_row(const policy::tenants::exemption& x) {
  return field_writer{}
      .number("number", x.number)
      .text("category", x.category)
      .text("approver", x.approver)
      .text("reason", x.reason)
      .time("granted_at", x.granted_at)
      .day("until", x.last_day)
      .time("ended_at", x.ended_at)
      .text("ended_by", x.ended_by)
      .text("end_reason", x.end_reason)
      .take();
}

policy::tenants::exemption read_exemption(const row& r) {
  field_reader in{r};
  policy::tenants::exemption x;
  x.number = static_cast<std::uint32_t>(in.number("number"));
  x.category = in.required_text("category");
  x.approver = in.text("approver");
  x.reason = in.text("reason");
  x.granted_at = in.time("granted_at");
  const auto last_day = in.day("until");
  x.ended_at = in.maybe_time("ended_at");
  x.ended_by = in.text("ended_by");
  x.end_reason = in.text("end_reason");
  in.finish();
  if (const auto ok = policy::tenants::check_exemptible(x.category); !ok)
    throw configuration_error(ok.error().public_text);
  if (!last_day) throw configuration_error("until: is missing");
  x.last_day = *last_day;
  return x;
}

}  // namespace consentry::app
