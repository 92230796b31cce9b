#include "app/public/contact_page.h"

#include <fmt/format.h>

#include "app/contact_link.h"
#include "app/public/page_text.h"
#include "app/tenant_change.h"
#include "base/log.h"

namespace consentry::app::public_pages {
namespace {

using policy::tenants::tenant;

admin::response link_over(language speaks) {
  const auto& w = words(speaks);
  return short_page(404, speaks, w.bad_link_title, w.contact_link_over);
}

admin::response ask_page(const tenant& t, language speaks) {
  const auto& w = words(speaks);
  auto content = fmt::format(
      "<p class=\"lead\">{}</p>\n<form method=\"post\" "
      "class=\"field\"><button>{}</button></form>\n",
      escaped(fmt::format(fmt::runtime(w.contact_lead), t.legal_name)), w.contact_button);
  return to_response(
      {.speaks = speaks, .title = std::string{w.contact_title}, .content = std::move(content)});
}

admin::response confirmed_page(const tenant& t, language speaks) {
  const auto& w = words(speaks);
  const bool is_open = t.state != policy::tenants::tenant_state::pending;
  return short_page(200, speaks, w.contact_title, is_open ? w.contact_open : w.contact_confirmed);
}

}  // namespace

answer contact_page(context& c, const admin::request& r, const std::string& token) {
  const auto v = visitor_of(c, r);
  const auto hash = contact_token_hash(token);
  const auto now = c.clock.now();
  if (r.method != "POST") {
    const auto who = c.rooms.env.read(
        [&](read_txn& txn) { return c.rooms.tenants.find_by_contact_token(txn, hash, now); });
    if (!who) {
      log::error("app/public", "store_unreadable", {{"cause", describe(who.error())}});
      co_return not_now(v);
    }
    if (!*who) co_return link_over(v.speaks);
    if ((*who)->is_contact_confirmed()) co_return confirmed_page(**who, v.speaks);
    co_return ask_page(**who, v.speaks);
  }
  std::function<result<tenant>(write_txn&)> f = [&rooms = c.rooms, hash, now](write_txn& txn) {
    return rooms.tenants.confirm_contact(txn, hash, now);
  };
  const auto done = co_await change_tenants<tenant>(c.rooms, std::move(f));
  if (done) {
    log::info("app/public", "contact_confirmed", {{"tenant", done->name}});
    co_return confirmed_page(*done, v.speaks);
  }
  if (done.error().kind == failure_kind::not_found) co_return link_over(v.speaks);
  log::error("app/public", "contact_not_recorded", {{"cause", describe(done.error())}});
  co_return not_now(v);
}

}  // namespace consentry::app::public_pages
