// One-click unsubscribe (RFC 8058): POST acts, GET only shows a page with a button. No cookie, no
// redirect, no login (RULES D3).
#pragma once

#include <boost/asio/awaitable.hpp>

#include "app/admin/http_server.h"
#include "app/live_settings.h"
#include "app/store_rooms.h"
#include "base/clock.h"

namespace consentry::app::public_pages {

// All outlive the server.
struct context {
  store_rooms& rooms;
  const live_settings& live;
  const wall_clock& clock;
};

// The token is the last part of the path. 404 for what is no token of ours; 503 when nothing could
// be recorded.
boost::asio::awaitable<admin::response> one_click(context& c, admin::request r);

}  // namespace consentry::app::public_pages
