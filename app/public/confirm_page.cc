// The link in a confirmation mail: GET shows what is agreed to and a button, so that programs that
// look into links confirm nothing; POST confirms (RULES A2 5.3).
#include <fmt/format.h>

#include "app/public/page_text.h"
#include "app/public/site.h"
#include "base/log.h"

namespace consentry::app::public_pages {
namespace {

namespace consent = policy::consent;

std::string return_link(const sign_up_desk::open_sign_up& s, language speaks) {
  if (!s.form || s.form->return_url.empty()) return {};
  return fmt::format("<p><a href=\"{}\">{}</a></p>\n", escaped(s.form->return_url),
                     words(speaks).return_link);
}

admin::response ask_page(const sign_up_desk::open_sign_up& s, language speaks) {
  const auto& w = words(speaks);
  std::string content;
  if (s.form) content += fmt::format("<p><strong>{}</strong></p>\n", escaped(s.form->title));
  content += fmt::format("<p class=\"lead\">{}</p>\n",
                         escaped(fmt::format(fmt::runtime(w.confirm_lead), s.legal_name)));
  content += fmt::format(
      "<section class=\"notice\" aria-labelledby=\"what\"><h2 id=\"what\">{}</h2>\n{}</section>\n",
      w.agreement_heading, paragraphs(s.notice));
  content += fmt::format("<form method=\"post\" class=\"field\"><button>{}</button></form>\n",
                         w.confirm_button);
  return to_response(
      {.speaks = speaks, .title = std::string{w.confirm_title}, .content = std::move(content)});
}

admin::response done_page(const sign_up_desk::open_sign_up& s, language speaks, bool is_news) {
  const auto& w = words(speaks);
  const auto content =
      fmt::format("<div class=\"done\" role=\"status\"><p>{}</p></div>\n{}",
                  is_news ? w.confirmed : w.already_confirmed, return_link(s, speaks));
  return to_response(
      {.speaks = speaks, .title = std::string{w.confirmed_title}, .content = content});
}

admin::response expired_page(language speaks) {
  return short_page(410, speaks, words(speaks).expired_title, words(speaks).expired);
}

}  // namespace

answer confirm_page(context& c, const admin::request& r, const std::string& token) {
  auto v = visitor_of(c, r);
  const auto number = c.live.tokens.get()->read(token, smtp::token_purpose::confirmation);
  if (!number) co_return bad_link(v);
  const consent::sign_up_id id{number->value};
  const auto found = c.desk.find(id);
  if (!found) {
    log::error("app/public", "store_unreadable", {{"cause", describe(found.error())}});
    co_return not_now(v);
  }
  // It was ours, so it was removed: over.
  if (!*found || (*found)->sign_up.source != consent::sign_up_source::form)
    co_return expired_page(v.speaks);
  const auto& open = **found;
  v.speaks = language_named(open.sign_up.evidence.notice.language);
  const auto now = c.clock.now();
  if (open.sign_up.confirmed_at) co_return done_page(open, v.speaks, false);
  if (!open.sign_up.is_open(now)) co_return expired_page(v.speaks);
  if (r.method != "POST") co_return ask_page(open, v.speaks);
  const auto done = co_await c.desk.confirm(id, consent::sign_up_source::form, {}, now, v.origin,
                                            "double_opt_in");
  if (!done) {
    log::error("app/public", "confirmation_failed", {{"cause", describe(done.error())}});
    co_return not_now(v);
  }
  if (*done == confirmation::expired) co_return expired_page(v.speaks);
  co_return done_page(open, v.speaks, *done == confirmation::done);
}

}  // namespace consentry::app::public_pages
