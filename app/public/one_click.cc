#include "app/public/one_click.h"

#include "app/complaint_intake.h"
#include "base/log.h"

namespace consentry::app::public_pages {
namespace {

// Nothing of the person stands on the page: who holds a link learns nothing (RULES C1).
admin::response page(int status, std::string_view text, bool with_button) {
  std::string html =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\">"
      "<meta name=\"robots\" content=\"noindex\"><title>Unsubscribe</title>"
      "<body style=\"font:1.1rem system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem\"><p>";
  html += text;
  html += "</p>";
  if (with_button)
    html +=
        "<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" "
        "value=\"One-Click\">"
        "<button style=\"font:inherit;padding:.5rem 1rem\">Leiratkozom / "
        "Unsubscribe</button></form>";
  html += "</body></html>\n";
  return {.status = status, .content_type = "text/html; charset=utf-8", .body = std::move(html)};
}

// RFC 8058 section 3.1: urlencoded "List-Unsubscribe=One-Click", or the same field as
// multipart/form-data.
bool says_one_click(const admin::request& r) {
  if (r.content_type == "multipart/form-data")
    return r.body.find("name=\"List-Unsubscribe\"") != std::string::npos &&
           r.body.find("One-Click") != std::string::npos;
  return r.body.find("List-Unsubscribe=One-Click") != std::string::npos;
}

}  // namespace

boost::asio::awaitable<admin::response> one_click(context& c, admin::request r) {
  const auto who = r.path.empty()
                       ? std::nullopt
                       : c.live.tokens.get()->read(r.path.back(), smtp::token_purpose::unsubscribe);
  if (!who) co_return page(404, "Ez a link nem érvényes. / This link is not valid.", false);
  if (r.method != "POST")
    co_return page(200, "Leiratkozik erről a hírlevélről? / Unsubscribe from this mailing?", true);
  if (!says_one_click(r)) co_return page(400, "Hibás kérés. / Bad request.", true);
  auto known = std::make_shared<bool>(false);
  commit_loop::operation op = [&rooms = c.rooms, recipient = *who, at = c.clock.now(),
                               known](write_txn& txn) {
    *known = record_unsubscribe(txn, rooms, recipient, "one_click", at);
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) {
    log::error("app/public", "unsubscribe_failed", {{"cause", describe(done.error())}});
    co_return page(503, "Kérjük, próbálja később. / Please try again later.", true);
  }
  if (!*known) co_return page(404, "Ez a link nem érvényes. / This link is not valid.", false);
  log::info("app/public", "unsubscribed", {{"recipient", to_string(*who)}});
  co_return page(200, "Leiratkozott, több ilyen levelet nem kap. / You are unsubscribed.", false);
}

}  // namespace consentry::app::public_pages
