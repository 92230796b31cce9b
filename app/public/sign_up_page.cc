// The sign-up form of a tenant's topic: GET shows it, POST records a pending sign-up and queues its
// one confirmation mail (RULES A2 5.3). What is answered never tells whether an address is known.
//
// Robots meet: a field that people do not see; a stamp, signed into the form, that says when it was
// shown; and limits by network, by form and by address. A person who is caught by the stamp only
// presses the button once more.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "app/public/form_body.h"
#include "app/public/page_text.h"
#include "app/public/site.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "policy/tenants/tenant_directory.h"

namespace consentry::app::public_pages {
namespace {

namespace consent = policy::consent;
namespace json = boost::json;

constexpr std::string_view trap_field = "website";
constexpr std::size_t name_bytes_max = 100;
constexpr std::chrono::hours stamp_life{12};

struct shown_form {
  consent::sign_up_form form;
  policy::tenants::tenant tenant;
  bool is_open = false;
};

// What was typed, and what is wrong with it.
struct entry {
  std::string address, name;
  bool agrees = false;
  std::string stamp;
  std::vector<std::pair<std::string_view, std::string_view>> errors;  // field, text
  std::string_view remark;  // where nothing is wrong, but the form is shown once more
  bool is_new = false;      // came without having seen the form: nothing can be wrong yet
};

std::string stamp_of(const context& c, const consent::sign_up_form& f, instant at) {
  const auto text = fmt::format("{}.{}", to_ms(at), f.notice.version);
  const auto mac = hmac_sha256(c.stamp_key, f.id + "|" + text);
  return text + "." + base32(as_bytes(mac).substr(0, 15));
}

enum class stamp_state : std::uint8_t { good, too_quick, other_text, stale };

stamp_state read_stamp(const context& c, const consent::sign_up_form& f, std::string_view stamp,
                       instant now) {
  const auto parts = split(stamp, '.');
  std::int64_t ms = 0;
  std::uint32_t version = 0;
  if (parts.size() != 3) return stamp_state::stale;
  const auto number = [](std::string_view s, auto& n) {
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n);
    return error == std::errc{} && end == s.data() + s.size();
  };
  if (!number(parts[0], ms) || !number(parts[1], version)) return stamp_state::stale;
  auto then = f;
  then.notice.version = version;
  if (!equal_in_constant_time(stamp, stamp_of(c, then, from_ms(ms)))) return stamp_state::stale;
  if (version != f.notice.version) return stamp_state::other_text;
  const auto age = now - from_ms(ms);
  if (age > stamp_life) return stamp_state::stale;
  return age < c.settings.fill_time_min ? stamp_state::too_quick : stamp_state::good;
}

std::string error_line(const entry& e, std::string_view field) {
  for (const auto& [f, text] : e.errors)
    if (f == field) return fmt::format("<p class=\"error\" id=\"{}-error\">{}</p>\n", f, text);
  return {};
}

std::string invalid_mark(const entry& e, std::string_view field, std::string_view described_by) {
  std::string ids{described_by};
  const bool is_wrong = !error_line(e, field).empty();
  if (is_wrong) ids = fmt::format("{}-error{}{}", field, ids.empty() ? "" : " ", ids);
  // The first wrong field gets the focus, also without scripts.
  const bool is_first = is_wrong && e.errors.front().first == field;
  return fmt::format("{}{}{}", ids.empty() ? "" : fmt::format(" aria-describedby=\"{}\"", ids),
                     is_wrong ? " aria-invalid=\"true\"" : "", is_first ? " autofocus" : "");
}

std::string summary(const entry& e, const phrases& w) {
  if (e.errors.empty() && e.remark.empty()) return {};
  if (e.errors.empty())
    return fmt::format("<div class=\"done\" role=\"status\"><p>{}</p></div>\n", e.remark);
  std::string out = fmt::format(
      "<div class=\"summary\" role=\"alert\" aria-labelledby=\"wrong\"><h2 id=\"wrong\">{}</h2>\n"
      "<ul>\n",
      w.errors_heading);
  for (const auto& [field, text] : e.errors)
    out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", field, text);
  return out + "</ul></div>\n";
}

std::string fields(const shown_form& s, const entry& e, const phrases& w) {
  std::string out = fmt::format(
      "<div class=\"field\"><label for=\"address\">{}</label>\n"
      "<p class=\"hint\" id=\"address-hint\">{}</p>\n{}"
      "<input type=\"email\" id=\"address\" name=\"address\" value=\"{}\" autocomplete=\"email\" "
      "maxlength=\"254\" required{}></div>\n",
      w.address_label, w.address_hint, error_line(e, "address"), escaped(e.address),
      invalid_mark(e, "address", "address-hint"));
  if (s.form.asks_name)
    out += fmt::format(
        "<div class=\"field\"><label for=\"name\">{} <span class=\"beside\">{}</span></label>\n{}"
        "<input type=\"text\" id=\"name\" name=\"name\" value=\"{}\" autocomplete=\"name\" "
        "maxlength=\"{}\"{}></div>\n",
        w.name_label, w.optional, error_line(e, "name"), escaped(e.name), name_bytes_max,
        invalid_mark(e, "name", ""));
  out += fmt::format(
      "<div class=\"aside\" aria-hidden=\"true\"><label for=\"{0}\">{1}</label>"
      "<input type=\"text\" id=\"{0}\" name=\"{0}\" tabindex=\"-1\" autocomplete=\"off\"></div>\n",
      trap_field, w.trap_label);
  out += fmt::format(
      "<section class=\"notice\" aria-labelledby=\"agreement\"><h2 id=\"agreement\">{}</h2>\n"
      "<div id=\"notice\">{}</div>",
      w.agreement_heading, paragraphs(s.form.notice.text));
  if (!s.form.notice.url.empty())
    out +=
        fmt::format("<p><a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">{}</a></p>\n",
                    escaped(s.form.notice.url), w.privacy_link);
  // Never ticked beforehand (GDPR recital 32); what the visitor ticked stays so.
  out += fmt::format(
      "</section>\n{}<div class=\"tick\"><input type=\"checkbox\" id=\"agree\" name=\"agree\" "
      "value=\"yes\" required{}{}><label for=\"agree\">{}</label></div>\n",
      error_line(e, "agree"), e.agrees ? " checked" : "", invalid_mark(e, "agree", "notice"),
      w.agree_label);
  return out;
}

admin::response form_page(const context& c, const shown_form& s, const entry& e, int status) {
  const auto speaks = language_named(s.form.language);
  const auto& w = words(speaks);
  const auto stamp = e.stamp.empty() ? stamp_of(c, s.form, c.clock.now()) : e.stamp;
  page p{.status = status, .speaks = speaks, .title = s.form.title};
  p.content = fmt::format(
      "<p class=\"lead\">{}</p>\n{}<form method=\"post\" novalidate>\n{}"
      "<input type=\"hidden\" name=\"stamp\" value=\"{}\">\n<p><button>{}</button></p>\n</form>\n",
      escaped(fmt::format(fmt::runtime(w.from_whom), s.tenant.legal_name)), summary(e, w),
      fields(s, e, w), stamp, w.sign_up_button);
  p.footer = s.tenant.legal_name + "\n" + s.tenant.postal_address;
  p.frame_origins = s.form.embed_origins;
  return to_response(p);
}

admin::response sent_page(const shown_form& s) {
  const auto speaks = language_named(s.form.language);
  const auto& w = words(speaks);
  page p{.speaks = speaks, .title = std::string{w.sent_title}};
  p.content = fmt::format("<div class=\"done\" role=\"status\">{}</div>\n", paragraphs(w.sent));
  if (!s.form.return_url.empty())
    p.content += fmt::format("<p><a href=\"{}\" target=\"_top\">{}</a></p>\n",
                             escaped(s.form.return_url), w.return_link);
  p.frame_origins = s.form.embed_origins;
  return to_response(p);
}

admin::response framed(const shown_form& s, int status, std::string_view title,
                       std::string_view text) {
  return to_response({.status = status,
                      .speaks = language_named(s.form.language),
                      .title = std::string{title},
                      .content = "<p>" + escaped(text) + "</p>\n",
                      .frame_origins = s.form.embed_origins});
}

// -- the same in JSON, for a form of the tenant's own script -----------------------------------

bool wants_json(const admin::request& r) {
  const auto accept = r.headers.find("accept");
  return r.content_type == "application/json" ||
         (accept != r.headers.end() && accept->second.starts_with("application/json"));
}

// Origins that may embed the form may also ask it by script (Fetch section 3.2).
void allow_origin(const consent::sign_up_form& f, const admin::request& r, admin::response& out) {
  out.headers.emplace_back("Vary", "Origin");
  const auto origin = r.headers.find("origin");
  if (origin == r.headers.end()) return;
  for (const auto& o : f.embed_origins)
    if (o == origin->second) {
      out.headers.emplace_back("Access-Control-Allow-Origin", o);
      out.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST");
      out.headers.emplace_back("Access-Control-Allow-Headers", "Content-Type");
    }
}

admin::response form_json(const context& c, const shown_form& s) {
  const auto& n = s.form.notice;
  return admin::json_response({{"title", s.form.title},
                               {"language", s.form.language},
                               {"legal_name", s.tenant.legal_name},
                               {"asks_name", s.form.asks_name},
                               {"notice", n.text},
                               {"notice_version", n.version},
                               {"notice_hash", n.hash},
                               {"notice_url", n.url},
                               {"stamp", stamp_of(c, s.form, c.clock.now())}});
}

admin::response entry_json(const context& c, const shown_form& s, const entry& e) {
  json::object errors;
  for (const auto& [field, text] : e.errors) errors[std::string{field}] = std::string{text};
  auto out = admin::json_response(
      {{"title", "Unprocessable Entity"},
       {"status", 422},
       {"detail", std::string{e.errors.empty() ? e.remark : std::string_view{"see errors"}}},
       {"errors", std::move(errors)},
       {"stamp", e.stamp.empty() ? stamp_of(c, s.form, c.clock.now()) : e.stamp}},
      422);
  out.content_type = "application/problem+json";
  return out;
}

// ----------------------------------------------------------------------------------------------

result<std::optional<shown_form>> find_form(const context& c, const std::string& id) {
  const auto directory = c.rooms.directory.get();
  const auto overdue = c.live.policy.get()->set->rules.overdue;
  return c.rooms.env.read([&](read_txn& txn) {
    std::optional<shown_form> out;
    auto form = c.rooms.sign_ups.find_form(txn, id);
    const auto* tenant = form ? directory->find(form->tenant) : nullptr;
    if (tenant == nullptr) return out;
    const auto from = smtp::mailbox::parse(form->from);
    const bool is_open =
        form->is_enabled && from && directory->owns(tenant->id, from->ascii_domain()) &&
        policy::tenants::permits(tenant->state, smtp::stream::doi, overdue).allowed;
    out.emplace(shown_form{std::move(*form), *tenant, is_open});
    return out;
  });
}

entry read_entry(const context& c, const shown_form& s, const form_body& body,
                 std::optional<smtp::mailbox>& address) {
  const auto& w = words(language_named(s.form.language));
  entry e;
  e.address = std::string{trim(body.first("address"))};
  e.name = s.form.asks_name ? std::string{trim(body.first("name"))} : std::string{};
  e.agrees = body.says("agree", "yes");
  const auto parsed = smtp::mailbox::parse(e.address);
  if (parsed && !parsed->is_null() && parsed->ascii_domain().find('.') != std::string::npos)
    address = *parsed;
  else
    e.errors.emplace_back("address", w.address_error);
  if (e.name.size() > name_bytes_max || !is_valid_utf8(e.name) || printable(e.name) != e.name)
    e.errors.emplace_back("name", w.name_error);
  if (!e.agrees) e.errors.emplace_back("agree", w.agree_error);
  const auto stamp = body.first("stamp");
  switch (read_stamp(c, s.form, stamp, c.clock.now())) {
    case stamp_state::good:
      e.stamp = stamp;
      break;
    case stamp_state::too_quick:
      e.stamp = stamp;
      e.remark = w.quick_error;
      break;
    case stamp_state::other_text:
      // What was ticked was another text.
      e.agrees = false;
      e.errors.emplace_back("agree", w.changed_error);
      break;
    case stamp_state::stale:
      // Nobody can say which text was ticked, or who ticked it: a page of somebody else's can post
      // a tick. It is ticked here or not at all.
      e.agrees = false;
      e.remark = w.look_again;
      e.is_new = stamp.empty();
  }
  if (e.is_new) e.errors.clear();
  return e;
}

answer take(context& c, const admin::request& r, const shown_form& s) {
  const auto v = visitor_of(c, r);
  const auto& w = words(language_named(s.form.language));
  const auto body = form_body::read(r);
  const bool in_json = wants_json(r);
  if (!body) co_return in_json ? admin::problem(400, "the body does not read") : bad_request(v);
  std::optional<smtp::mailbox> address;
  const auto e = read_entry(c, s, *body, address);
  if (!e.errors.empty() || !e.remark.empty())
    co_return in_json ? entry_json(c, s, e) : form_page(c, s, e, e.is_new ? 200 : 422);
  const auto thanks =
      in_json ? admin::json_response({{"status", "sent"}, {"detail", w.sent}}) : sent_page(s);
  if (!body->first(trap_field).empty()) {
    log::info("app/public", "robot", {{"form", s.form.id}, {"ip", v.origin.ip}});
    co_return thanks;
  }
  const auto now = rate_limit::clock::now();
  if (!c.by_network.take(network_of(v.origin.ip), now) || !c.by_form.take(s.form.id, now)) {
    log::warn("app/public", "too_often", {{"form", s.form.id}, {"ip", v.origin.ip}});
    auto no = in_json ? admin::problem(429, std::string{w.too_often})
                      : framed(s, 429, w.too_often_title, w.too_often);
    no.headers.emplace_back("Retry-After", "3600");
    co_return no;
  }
  const auto person = hmac_sha256(c.stamp_key, address->key());
  if (!c.by_address.take(as_bytes(person), now)) {
    log::warn("app/public", "address_too_often", {{"form", s.form.id}, {"ip", v.origin.ip}});
    co_return thanks;
  }
  const auto done = co_await c.desk.sign_up(s.form, s.tenant, *address, e.name, v.origin);
  if (!done) {
    log::error("app/public", "sign_up_failed", {{"cause", describe(done.error())}});
    co_return in_json ? admin::problem(503, std::string{w.later}) : not_now(v);
  }
  co_return thanks;
}

}  // namespace

answer sign_up_page(context& c, const admin::request& r, const std::string& form) {
  const auto v = visitor_of(c, r);
  const auto found = find_form(c, form);
  if (!found) {
    log::error("app/public", "store_unreadable", {{"cause", describe(found.error())}});
    co_return not_now(v);
  }
  if (!*found) co_return bad_link(v);
  const auto& s = **found;
  admin::response out;
  if (r.method == "OPTIONS") {
    out.status = 204;
  } else if (!s.is_open) {
    const auto& w = words(language_named(s.form.language));
    out = wants_json(r) ? admin::problem(410, std::string{w.closed})
                        : framed(s, 410, w.closed_title, w.closed);
  } else if (r.method == "POST") {
    out = co_await take(c, r, s);
  } else {
    out = wants_json(r) ? form_json(c, s) : form_page(c, s, {}, 200);
  }
  if (r.method == "OPTIONS" || wants_json(r)) allow_origin(s.form, r, out);
  co_return out;
}

}  // namespace consentry::app::public_pages
