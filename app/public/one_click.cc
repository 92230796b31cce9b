// One-click unsubscribe (RFC 8058): POST acts, GET only shows a page with a button. No cookie, no
// redirect, no login (RULES D3). Mailbox providers post from few addresses for many people, so
// nobody is counted here.
#include <fmt/format.h>

#include "app/complaint_intake.h"
#include "app/public/form_body.h"
#include "app/public/page_text.h"
#include "app/public/site.h"
#include "base/log.h"

namespace consentry::app::public_pages {
namespace {

// Behind a link: who sent the mail. Nothing of the person stands on the page: who holds a link
// learns nothing (RULES C1).
struct sender_of_mail {
  std::string legal_name;
  std::string preferences;  // token
};

std::string choose_link(const sender_of_mail& s, language speaks) {
  return fmt::format("<p><a href=\"../p/{}\">{}</a></p>\n", s.preferences,
                     words(speaks).choose_link);
}

std::string filled(std::string_view text, const std::string& value) {
  return fmt::format(fmt::runtime(text), value);
}

admin::response ask_page(const sender_of_mail& s, language speaks) {
  const auto& w = words(speaks);
  const auto content = fmt::format(
      "<p class=\"lead\">{}</p>\n<form method=\"post\">\n"
      "<input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\n"
      "<p><button>{}</button></p>\n</form>\n{}",
      escaped(filled(w.leave_lead, s.legal_name)), w.leave_button, choose_link(s, speaks));
  return to_response({.speaks = speaks, .title = std::string{w.leave_title}, .content = content});
}

admin::response left_page(const sender_of_mail& s, language speaks) {
  const auto& w = words(speaks);
  const auto content = fmt::format("<div class=\"done\" role=\"status\"><p>{}</p></div>\n{}",
                                   escaped(filled(w.left, s.legal_name)), choose_link(s, speaks));
  return to_response({.speaks = speaks, .title = std::string{w.left_title}, .content = content});
}

}  // namespace

answer one_click(context& c, const admin::request& r, const std::string& token) {
  const auto v = visitor_of(c, r);
  const auto tokens = c.live.tokens.get();
  const auto who = tokens->read(token, smtp::token_purpose::unsubscribe);
  if (!who) co_return bad_link(v);
  const auto directory = c.rooms.directory.get();
  const auto mail = c.rooms.env.read([&](read_txn& txn) { return find_mail(txn, c.rooms, *who); });
  if (!mail) co_return not_now(v);
  if (!*mail) co_return bad_link(v);
  const auto* tenant = directory->find((*mail)->tenant);
  const sender_of_mail sender{.legal_name = tenant == nullptr ? "?" : tenant->legal_name,
                              .preferences = tokens->make(*who, smtp::token_purpose::preferences)};
  if (r.method != "POST") co_return ask_page(sender, v.speaks);
  const auto body = form_body::read(r);
  // RFC 8058 section 3.2: the body is "List-Unsubscribe=One-Click", and nothing else will do.
  if (!body || !body->says("List-Unsubscribe", "One-Click")) co_return bad_request(v);
  const auto active = c.live.policy.get();
  commit_loop::operation op = [&rooms = c.rooms, active, recipient = *who,
                               at = c.clock.now()](write_txn& txn) {
    record_unsubscribe(txn, rooms, active->set->rules, recipient, "one_click", at);
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) {
    log::error("app/public", "unsubscribe_failed", {{"cause", describe(done.error())}});
    co_return not_now(v);
  }
  log::info("app/public", "unsubscribed", {{"recipient", to_string(*who)}});
  co_return left_page(sender, v.speaks);
}

}  // namespace consentry::app::public_pages
