#include "app/public/site.h"

#include "app/public/contact_page.h"
#include "app/public/page_text.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app::public_pages {
namespace {

constexpr std::size_t user_agent_bytes_max = 300;
constexpr unsigned mails_per_address_day = 5;

std::string header_of(const admin::request& r, const std::string& name) {
  const auto found = r.headers.find(name);
  return found == r.headers.end() ? std::string{} : found->second;
}

answer find_page(context& c, const admin::request& r) {
  if (r.path.size() < 2) co_return bad_link(visitor_of(c, r));
  const auto& kind = r.path[r.path.size() - 2];
  const auto& name = r.path.back();
  if (kind == "a") {
    if (name == "pages.css") co_return style_sheet();
    co_return co_await contact_page(c, r, name);
  }
  if (kind == "s") co_return co_await sign_up_page(c, r, name);
  if (kind == "c") co_return co_await confirm_page(c, r, name);
  if (kind == "p") co_return co_await preference_page(c, r, name);
  co_return co_await one_click(c, r, name);
}

}  // namespace

context::context(store_rooms& r, const live_settings& l, const wall_clock& c, sign_up_desk& d,
                 site_settings s)
    : rooms{r},
      live{l},
      clock{c},
      desk{d},
      settings{std::move(s)},
      stamp_key{random_bytes(32)},
      by_network{settings.sign_ups_per_network_hour, std::chrono::hours{1}},
      by_form{settings.sign_ups_per_form_hour, std::chrono::hours{1}},
      by_address{mails_per_address_day, std::chrono::hours{24}} {}

visitor visitor_of(const context& c, const admin::request& r) {
  visitor v;
  v.speaks = preferred_language(header_of(r, "accept-language"));
  v.origin.ip = c.settings.proxies.client_of(r.remote_ip, header_of(r, "x-forwarded-for"));
  v.origin.user_agent = printable(header_of(r, "user-agent"), user_agent_bytes_max);
  return v;
}

answer serve(context& c, admin::request r) {
  const bool is_read = r.method == "GET" || r.method == "HEAD";
  if (!is_read && r.method != "POST" && r.method != "OPTIONS") {
    const auto v = visitor_of(c, r);
    auto no = short_page(405, v.speaks, words(v.speaks).bad_request_title,
                         words(v.speaks).only_get_and_post);
    no.headers.emplace_back("Allow", "GET, HEAD, POST");
    co_return no;
  }
  co_return co_await find_page(c, r);
}

admin::response bad_link(const visitor& v) {
  const auto& w = words(v.speaks);
  return short_page(404, v.speaks, w.bad_link_title, w.bad_link);
}

admin::response not_now(const visitor& v) {
  const auto& w = words(v.speaks);
  auto out = short_page(503, v.speaks, w.later_title, w.later);
  out.headers.emplace_back("Retry-After", "120");
  return out;
}

admin::response bad_request(const visitor& v) {
  const auto& w = words(v.speaks);
  return short_page(400, v.speaks, w.bad_request_title, w.bad_request);
}

}  // namespace consentry::app::public_pages
