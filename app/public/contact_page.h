// The page behind a tenant's contact link: GET shows a button, POST confirms (RULES A2 clause 1).
// No script, no cookie, no redirect: mail scanners that follow links confirm nothing.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "app/admin/http_server.h"
#include "app/public/site.h"

namespace consentry::app::public_pages {

// 404 for what is no link of ours or past its time; 503 when nothing could be recorded.
boost::asio::awaitable<admin::response> contact_page(context& c, admin::request r);

}  // namespace consentry::app::public_pages
