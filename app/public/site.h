// The public listener: what strangers may ask, page by page.
//
//   /u/<token>  unsubscribe, one click (RFC 8058)      /p/<token>  which mails do you want
//   /s/<form>   sign up                                /c/<token>  confirm a sign-up
//   /a/pages.css
//
// Only the last two parts of a path are looked at, so a proxy may put anything before them; a path
// with a first part unknown here is taken as an unsubscribe link, whatever [mail] unsubscribe_url
// calls it. GET shows, POST acts; no cookie, no redirect, no script.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>

#include "app/admin/http_server.h"
#include "app/live_settings.h"
#include "app/public/page.h"
#include "app/public/rate_limit.h"
#include "app/sign_up_desk.h"
#include "app/store_rooms.h"
#include "base/clock.h"

namespace consentry::app::public_pages {

struct site_settings {
  trusted_proxies proxies;
  unsigned sign_ups_per_network_hour = 20;
  unsigned sign_ups_per_form_hour = 2000;
  std::chrono::milliseconds fill_time_min{
      2000};  // less between form and answer, and it is asked again
};

// All outlive the server. Used by one thread.
struct context {
  context(store_rooms& r, const live_settings& l, const wall_clock& c, sign_up_desk& d,
          site_settings s);

  store_rooms& rooms;
  const live_settings& live;
  const wall_clock& clock;
  sign_up_desk& desk;
  site_settings settings;
  std::string stamp_key;  // of this process: a form older than it is shown once more
  rate_limit by_network;
  rate_limit by_form;
  rate_limit by_address;  // confirmations to one address, over all lists (RULES A2 5.3 is per list)
};

// What a page needs to know of who asks.
struct visitor {
  language speaks;
  act_origin origin;  // behind the proxy
};
visitor visitor_of(const context& c, const admin::request& r);

using answer = boost::asio::awaitable<admin::response>;

// Finds the page.
answer serve(context& c, admin::request r);

answer sign_up_page(context& c, const admin::request& r, const std::string& form);
answer confirm_page(context& c, const admin::request& r, const std::string& token);
answer one_click(context& c, const admin::request& r, const std::string& token);
answer preference_page(context& c, const admin::request& r, const std::string& token);

// The refusals that several pages share.
admin::response bad_link(const visitor& v);
admin::response not_now(const visitor& v);
admin::response bad_request(const visitor& v);

}  // namespace consentry::app::public_pages
