// Rows of an export that speak of sign-ups, their forms and texts, and of the tenant's people.
#include <boost/json.hpp>

#include "app/export_fields.h"
#include "app/export_rows.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace consent = policy::consent;
namespace tenants = policy::tenants;
using consent::sign_up_source;

constexpr std::size_t form_id_chars = 16;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& w : words) out += (out.empty() ? "" : " ") + w;
  return out;
}

std::vector<std::string> words_in(const std::string& text) {
  std::vector<std::string> out;
  for (const auto w : split(text, ' '))
    if (!w.empty()) out.emplace_back(w);
  return out;
}

// Also the members that a consent does not have: taken out before the rest is read as one.
std::string taken(row& r, std::string_view name) {
  const auto* v = r.if_contains(name);
  if (v == nullptr) return {};
  const row alone{{name, *v}};
  auto text = field_reader{alone}.text(name);
  r.erase(name);
  return text;
}

std::optional<instant> taken_time(row& r, std::string_view name) {
  const auto text = taken(r, name);
  if (text.empty()) return std::nullopt;
  const auto at = parse_timestamp(text);
  if (!at) throw configuration_error(std::string{name} + ": not a time");
  return at;
}

std::string checked_id(std::string id, std::string_view member) {
  const auto is_base32 = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); };
  if (id.size() != form_id_chars || !std::ranges::all_of(id, is_base32))
    throw configuration_error(std::string{member} + ": not the id of a form");
  return id;
}

}  // namespace

row form_row(const consent::sign_up_form& f) {
  return field_writer{}
      .text("id", f.id)
      .text("topic", f.topic)
      .text("language", f.language)
      .text("title", f.title)
      .number("notice_version", f.notice.version)
      .flag("asks_name", f.asks_name)
      .text("from", f.from)
      .text("from_name", f.from_name)
      .text("return_url", f.return_url)
      .text("embed_origins", joined(f.embed_origins))
      .flag("enabled", f.is_enabled)
      .time("created_at", f.created_at)
      .text("created_by", f.created_by)
      .take();
}

consent::sign_up_form read_form(const row& r) {
  field_reader in{r};
  consent::sign_up_form f;
  f.id = checked_id(in.required_text("id"), "id");
  f.topic = in.required_text("topic");
  f.language = in.text("language");
  f.title = in.text("title");
  f.notice.version = static_cast<std::uint32_t>(in.number("notice_version"));
  f.asks_name = in.flag("asks_name");
  f.from = in.text("from");
  f.from_name = in.text("from_name");
  f.return_url = in.text("return_url");
  f.embed_origins = words_in(in.text("embed_origins"));
  f.is_enabled = in.flag("enabled");
  f.created_at = in.time("created_at");
  f.created_by = in.text("created_by");
  in.finish();
  return f;
}

row form_text_row(const form_text& t) {
  return field_writer{}
      .text("form", t.form)
      .number("version", t.notice.version)
      .text("text", t.notice.text)
      .text("hash", t.notice.hash)
      .text("url", t.notice.url)
      .time("since", t.notice.since)
      .take();
}

form_text read_form_text(const row& r) {
  field_reader in{r};
  form_text t;
  t.form = checked_id(in.required_text("form"), "form");
  t.notice.version = static_cast<std::uint32_t>(in.number("version"));
  t.notice.text = in.text("text");
  t.notice.hash = in.text("hash");
  t.notice.url = in.text("url");
  t.notice.since = in.time("since");
  in.finish();
  return t;
}

row sign_up_row(const consent::listed_sign_up& l, std::string_view export_key) {
  const auto& p = l.what;
  auto out = field_writer{}
                 .text("sign_up", to_string(p.id))
                 .text("via", p.source == sign_up_source::form ? "form" : "api")
                 .text("address", p.address)
                 .text("name", p.name)
                 .text("asked", l.asked == 0 ? std::string{} : std::to_string(l.asked))
                 .time("mailed_at", l.mailed_at)
                 .time("done_at", p.confirmed_at)
                 .take();
  // What will be the consent, member by member.
  for (auto& m : consent_row({.key = p.key, .record = p.evidence}, export_key))
    out[m.key()] = std::move(m.value());
  return out;
}

consent::listed_sign_up read_sign_up(const row& r, std::string_view export_key) {
  auto rest = r;
  consent::listed_sign_up l;
  auto& p = l.what;
  const auto id = consent::parse_sign_up_id(taken(rest, "sign_up"));
  if (!id) throw configuration_error("sign_up: not a number of a sign-up");
  p.id = *id;
  const auto via = taken(rest, "via");
  if (via != "form" && via != "api") throw configuration_error("via: form or api");
  p.source = via == "form" ? sign_up_source::form : sign_up_source::api;
  p.address = taken(rest, "address");
  p.name = taken(rest, "name");
  const auto asked = taken(rest, "asked");
  if (!asked.empty())
    l.asked = static_cast<std::uint32_t>(std::strtoul(asked.c_str(), nullptr, 10));
  l.mailed_at = taken_time(rest, "mailed_at");
  p.confirmed_at = taken_time(rest, "done_at");
  auto c = read_consent(rest, export_key);
  if (c.record.topic.empty() || !c.record.given_at)
    throw configuration_error("sign_up: without topic or given_at");
  p.key = std::move(c.key);
  p.evidence = std::move(c.record);
  return l;
}

row doi_template_row(const consent::doi_template& t) {
  return field_writer{}
      .hex("hash", t.hash)
      .text("name", t.name)
      .text("approved_by", t.approved_by)
      .time("approved_at", t.approved_at)
      .take();
}

consent::doi_template read_doi_template(const row& r) {
  field_reader in{r};
  consent::doi_template t;
  t.hash = in.hex("hash", 32);
  t.name = in.text("name");
  t.approved_by = in.text("approved_by");
  t.approved_at = in.time("approved_at");
  in.finish();
  if (t.hash.empty()) throw configuration_error("hash: is missing");
  return t;
}

row user_row(const tenants::user& u) {
  return field_writer{}
      .text("login", u.login)
      .text("name", u.name)
      .text("role", to_string(u.as))
      .flag("active", u.active)
      .time("created_at", u.created_at)
      .take();
}

tenants::user read_user(const row& r) {
  field_reader in{r};
  tenants::user u;
  u.login = in.required_text("login");
  u.name = in.text("name");
  const auto as = tenants::parse_role(in.required_text("role"));
  // A file cannot make anybody the operator's.
  if (!as || !tenants::is_tenants(*as)) throw configuration_error("role: not a tenant's");
  u.as = *as;
  u.active = in.flag("active");
  u.created_at = in.time("created_at");
  in.finish();
  return u;
}

}  // namespace consentry::app
