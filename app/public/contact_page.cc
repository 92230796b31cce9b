#include "app/public/contact_page.h"

#include <fmt/format.h>

#include "app/contact_link.h"
#include "app/tenant_change.h"
#include "base/log.h"

namespace consentry::app::public_pages {
namespace {

using policy::tenants::tenant;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

admin::response page(int status, std::string_view hungarian, std::string_view english,
                     bool with_button) {
  auto html = fmt::format(
      "<!doctype html><html lang=\"hu\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">"
      "<title>Kapcsolattartó megerősítése / Confirm the contact</title></head>"
      "<body style=\"font:1.1rem system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem\"><main>"
      "<h1 style=\"font-size:1.4rem\">Kapcsolattartó megerősítése / Confirm the contact</h1>"
      "<p>{}</p><p lang=\"en\">{}</p>",
      hungarian, english);
  if (with_button)
    html +=
        "<form method=\"post\"><button name=\"confirm\" value=\"yes\" "
        "style=\"font:inherit;padding:.5rem 1rem\">Megerősítem / Confirm</button></form>";
  html += "</main></body></html>\n";
  admin::response out{
      .status = status, .content_type = "text/html; charset=utf-8", .body = std::move(html)};
  // The address holds a secret: it must not travel on, nor stay in a cache.
  out.headers = {{"Cache-Control", "no-store"},
                 {"Referrer-Policy", "no-referrer"},
                 {"Content-Security-Policy",
                  "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
                  "frame-ancestors 'none'"}};
  return out;
}

admin::response not_valid() {
  return page(404, "Ez a link nem érvényes, vagy lejárt. Kérjen újat az üzemeltetőtől.",
              "This link is not valid, or its time is over. Ask the operator for a new one.",
              false);
}

admin::response confirmed(const tenant& t) {
  const bool is_open = t.state != policy::tenants::tenant_state::pending;
  return page(200,
              is_open ? "Köszönjük, a cím meg van erősítve. A fiók használható."
                      : "Köszönjük, a cím meg van erősítve. A fiók akkor használható, ha a feladó "
                        "tartomány DNS-rekordja is a helyén van.",
              is_open ? "Thank you, the address is confirmed. The account can be used."
                      : "Thank you, the address is confirmed. The account can be used once the DNS "
                        "record of its sender domain is in place too.",
              false);
}

}  // namespace

bool is_contact_link(const admin::request& r) {
  return r.path.size() == 2 && r.path[0] == "a";
}

boost::asio::awaitable<admin::response> contact_page(context& c, admin::request r) {
  const auto hash = contact_token_hash(r.path.back());
  const auto now = c.clock.now();
  if (r.method != "POST") {
    if (r.method != "GET" && r.method != "HEAD")
      co_return page(405, "Hibás kérés.", "Bad request.", false);
    const auto who = c.rooms.env.read(
        [&](read_txn& txn) { return c.rooms.tenants.find_by_contact_token(txn, hash, now); });
    if (!who) co_return page(503, "Kérjük, próbálja később.", "Please try again later.", false);
    if (!*who) co_return not_valid();
    if ((*who)->is_contact_confirmed()) co_return confirmed(**who);
    const auto name = escaped((*who)->legal_name);
    co_return page(
        200, fmt::format("<strong>{}</strong> ezt a címet adta meg. Ön jogosult?", name),
        fmt::format("<strong>{}</strong> named this address. Do you speak for it?", name), true);
  }
  std::function<result<tenant>(write_txn&)> f = [&rooms = c.rooms, hash, now](write_txn& txn) {
    return rooms.tenants.confirm_contact(txn, hash, now);
  };
  const auto done = co_await change_tenants<tenant>(c.rooms, std::move(f));
  if (done) {
    log::info("app/public", "contact_confirmed", {{"tenant", done->name}});
    co_return confirmed(*done);
  }
  if (done.error().kind == failure_kind::not_found) co_return not_valid();
  log::error("app/public", "contact_not_recorded", {{"cause", describe(done.error())}});
  co_return page(503, "Kérjük, próbálja később.", "Please try again later.", true);
}

}  // namespace consentry::app::public_pages
