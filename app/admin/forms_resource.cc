// Sign-up forms of a tenant: made, listed, shown, changed, switched off.
//   POST /v1/tenants/T/forms   GET /v1/tenants/T/forms   GET|POST /v1/tenants/T/forms/ID
//   POST /v1/tenants/T/forms/ID/disable|enable
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/sign_up_json.h"
#include "app/message_reading.h"
#include "app/public/page.h"
#include "app/sign_up_desk.h"
#include "app/sign_up_mail.h"
#include "base/secret.h"
#include "base/text.h"
#include "policy/judge.h"
#include "queue/mail_date.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace consent = policy::consent;
namespace tenants = policy::tenants;

constexpr std::size_t forms_max = 200;  // of one tenant

// For a page of the tenant's own: it brings the address; what is agreed to is read and ticked on
// ours, because nothing on a page that stands still can say when it was shown, or which text.
std::string plain_html(const consent::sign_up_form& f, const std::string& url) {
  const bool is_hungarian = f.language == "hu";
  return fmt::format(
      "<form action=\"{}\" method=\"post\">\n"
      "  <label>{} <input type=\"email\" name=\"address\" autocomplete=\"email\" "
      "maxlength=\"254\" required></label>\n  <button>{}</button>\n</form>\n",
      public_pages::escaped(url), is_hungarian ? "E-mail-cím" : "E-mail address",
      is_hungarian ? "Tovább a feliratkozáshoz" : "Go on to sign up");
}

std::string frame_html(const consent::sign_up_form& f, const std::string& url) {
  return fmt::format(
      "<iframe src=\"{}\" title=\"{}\" loading=\"lazy\" "
      "style=\"width:100%;height:44rem;border:0\"></iframe>\n",
      public_pages::escaped(url), public_pages::escaped(f.title));
}

json::object shown(const api_context& c, const consent::sign_up_form& f) {
  json::array origins;
  for (const auto& o : f.embed_origins) origins.emplace_back(o);
  json::array fields{"address"};
  if (f.asks_name) fields.emplace_back("name");
  return {{"id", f.id},
          {"url", c.sign_ups->form_url(f.id)},
          {"topic", f.topic},
          {"language", f.language},
          {"title", f.title},
          {"notice", f.notice.text},
          {"notice_version", f.notice.version},
          {"notice_hash", f.notice.hash},
          {"notice_since", to_string_utc(f.notice.since)},
          {"notice_url", f.notice.url},
          {"fields", std::move(fields)},
          {"double_opt_in", true},
          {"from", f.from},
          {"from_name", f.from_name},
          {"return_url", f.return_url},
          {"embed_origins", std::move(origins)},
          {"enabled", f.is_enabled},
          {"created_at", to_string_utc(f.created_at)},
          {"created_by", f.created_by}};
}

json::object whole(api_context& c, const consent::sign_up_form& f, read_txn& txn) {
  auto o = shown(c, f);
  json::array notices;
  for (const auto& n : c.rooms.sign_ups.notices_of(txn, f))
    notices.push_back(json::object{{"version", n.version},
                                   {"text", n.text},
                                   {"hash", n.hash},
                                   {"url", n.url},
                                   {"since", to_string_utc(n.since)}});
  o["notices"] = std::move(notices);
  const auto url = c.sign_ups->form_url(f.id);
  o["embed"] = json::object{{"iframe", frame_html(f, url)}, {"html", plain_html(f, url)}};
  return o;
}

failure invalid(std::string text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
}

// Takes the members that are there; the others stay as they are.
void read_members(json::object o, consent::sign_up_form& f) {
  f.embed_origins = take_texts(o, "embed_origins").value_or(f.embed_origins);
  if (const auto fields = take_texts(o, "fields")) {
    f.asks_name = false;
    for (const auto& name : *fields) {
      if (name != "address" && name != "name")
        throw configuration_error("fields may hold address and name");
      f.asks_name = f.asks_name || name == "name";
    }
  }
  if (const auto* doi = o.if_contains("double_opt_in")) {
    if (!doi->is_bool() || !doi->as_bool())
      throw configuration_error("double_opt_in is always true: single opt-in proves nothing");
    o.erase("double_opt_in");
  }
  json_body body{json::serialize(o)};
  f.topic = body.text("topic", f.topic);
  f.language = body.text("language", f.language);
  f.title = body.text("title", f.title);
  f.notice.text = body.text("notice", f.notice.text);
  f.notice.url = body.text("notice_url", f.notice.url);
  f.from = body.text("from", f.from);
  f.from_name = body.text("from_name", f.from_name);
  f.return_url = body.text("return_url", f.return_url);
  body.finish();
}

result<void> check(const tenants::tenant_directory& directory, const tenants::tenant& t,
                   consent::sign_up_form& f) {
  auto topic = valid_name(f.topic);
  if (!topic) return invalid("topic: " + topic.error().public_text);
  f.topic = *topic;
  const auto from = smtp::mailbox::parse(f.from);
  if (!from) return invalid("from: " + from.error().public_text);
  if (!directory.owns(t.id, from->ascii_domain()))
    return invalid(
        fmt::format("from: {} is no verified sender domain of {}", from->ascii_domain(), t.name));
  return consent::validate(f);
}

// What the form will mail is scanned like any mail, before it can be mailed.
result<void> check_content(api_context& c, const tenants::tenant& t,
                           const consent::sign_up_form& f) {
  const auto to = smtp::mailbox::parse("reader@example.org").value();
  const auto mail = confirmation_mail(f, t, to, {}, c.sign_ups->form_url("x"), c.clock.now());
  const auto active = c.live.policy.get();
  const auto text = "From: <" + mail.from.text() + ">\r\nTo: <reader@example.org>\r\nSubject: " +
                    encoded_header_text(mail.subject) +
                    "\r\nDate: " + queue::mail_date(c.clock.now()) +
                    "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Content-Transfer-Encoding: 8bit\r\n\r\n" +
                    mail.text;
  const auto read = read_message(text, *active->patterns, {});
  if (!read) return read.error();
  return check_scan(*active->set, read->scan);
}

resource add(api_context& c, const tenants::tenant& t, const request& r) {
  consent::sign_up_form f;
  f.id = base32(random_bytes(10));
  f.tenant = t.id;
  f.created_at = f.notice.since = c.clock.now();
  f.created_by = r.person;
  read_members(json_object(r.body), f);
  f.notice.hash = consent::hash_of_notice(f.notice.text);
  const auto directory = c.rooms.directory.get();
  if (const auto ok = check(*directory, t, f); !ok) co_return problem_of(ok.error());
  if (const auto ok = check_content(c, t, f); !ok) co_return problem_of(ok.error());
  auto is_full = std::make_shared<bool>();
  commit_loop::operation op = [&c, f, is_full, actor = actor_of(r)](write_txn& txn) {
    *is_full = c.rooms.sign_ups.forms_of(txn, f.tenant).size() >= forms_max;
    if (!*is_full) c.rooms.sign_ups.put_form(txn, f, "added", {.at = f.created_at, .actor = actor});
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  if (*is_full) co_return problem(409, fmt::format("a tenant has at most {} forms", forms_max));
  co_return json_response(shown(c, f), 201);
}

resource change(api_context& c, const tenants::tenant& t, consent::sign_up_form f, const request& r,
                std::string how) {
  const auto before = f.notice;
  if (how == "changed") {
    read_members(json_object(r.body), f);
    if (f.notice.text != before.text || f.notice.url != before.url) {
      f.notice.hash = consent::hash_of_notice(f.notice.text);
      f.notice.version = before.version + 1;
      f.notice.since = c.clock.now();
      how = "notice changed";
    }
    const auto directory = c.rooms.directory.get();
    if (const auto ok = check(*directory, t, f); !ok) co_return problem_of(ok.error());
    if (const auto ok = check_content(c, t, f); !ok) co_return problem_of(ok.error());
  } else {
    f.is_enabled = how == "enabled";
  }
  auto is_stale = std::make_shared<bool>();
  commit_loop::operation op = [&c, f, how, is_stale, version = before.version, actor = actor_of(r),
                               at = c.clock.now()](write_txn& txn) {
    // Two who change one text at once: the second looks again.
    const auto now = c.rooms.sign_ups.find_form(txn, f.id);
    *is_stale = !now || now->notice.version != version;
    if (!*is_stale) c.rooms.sign_ups.put_form(txn, f, how, {.at = at, .actor = actor});
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  if (*is_stale) co_return problem(409, "the form was changed meanwhile");
  co_return json_response(shown(c, f));
}

resource list(api_context& c, const tenants::tenant& t) {
  const auto forms =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.sign_ups.forms_of(txn, t.id); });
  if (!forms) co_return problem_of(forms.error());
  json::array all;
  for (const auto& f : *forms) all.push_back(shown(c, f));
  co_return json_response(json::object{{"forms", std::move(all)}});
}

}  // namespace

resource forms_resource(api_context& c, const tenants::tenant& given, request r) {
  const auto t = given;  // the directory may be swapped while we wait
  const bool is_post = r.method == "POST", is_get = r.method == "GET";
  if (!is_post && !is_get) co_return problem(405, "only GET and POST");
  if (r.path.size() == 4) {
    if (is_post) co_return co_await add(c, t, r);
    co_return co_await list(c, t);
  }
  auto found = c.rooms.env.read([&](read_txn& txn) {
    auto f = c.rooms.sign_ups.find_form(txn, r.path[4]);
    if (f && f->tenant != t.id) f.reset();
    std::pair<std::optional<consent::sign_up_form>, json::object> out;
    if (f) out.second = whole(c, *f, txn);
    out.first = std::move(f);
    return out;
  });
  if (!found) co_return problem_of(found.error());
  if (!found->first) co_return problem(404, "no such form");
  const auto part = r.path.size() == 6 ? r.path[5] : std::string{};
  if (r.path.size() == 5 && is_get) co_return json_response(found->second);
  if (r.path.size() == 5) co_return co_await change(c, t, std::move(*found->first), r, "changed");
  if (part == "disable" && is_post)
    co_return co_await change(c, t, std::move(*found->first), r, "disabled");
  if (part == "enable" && is_post)
    co_return co_await change(c, t, std::move(*found->first), r, "enabled");
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
