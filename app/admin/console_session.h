// Sessions of the console: a cookie that only this host gets, and what a request must bring along
// with it (RULES A2 6.1). docs/decisions/console-sign-in.md tells why.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "app/admin/http_server.h"
#include "smtp/server/auth_guard.h"

namespace consentry::app::admin {

struct api_context;

// Guesses are slowed down and locked out by login, known or not, and by network; in memory, any
// thread.
struct sign_in_guard {
  smtp::server::auth_guard by_login{{.free_failures = 5,
                                     .first_lock = std::chrono::seconds{30},
                                     .longest_lock = std::chrono::minutes{15},
                                     .answer_delay = std::chrono::milliseconds{500}}};
  smtp::server::auth_guard by_network{{.free_failures = 20,
                                       .first_lock = std::chrono::seconds{30},
                                       .longest_lock = std::chrono::minutes{15},
                                       .answer_delay = std::chrono::milliseconds{500}}};
  // Each takes 64 MiB and a worker for a moment.
  static constexpr int checks_max = 6;
  std::atomic<int> checks{0};
};

// What a request that changes something must bring in X-CSRF-Token; only pages of ours can read it
// in an answer. Made from the secret, so nothing is kept.
std::string csrf_token_of(std::string_view secret);

// Whether a browser says that a page of another origin sent this (Sec-Fetch-Site, else Origin
// against Host). False where it says neither.
bool is_cross_site(const request& r);

// By the cookie: nullopt: r tells who asks. secret: of the cookie.
std::optional<response> identify_by_session(api_context& c, request& r, const std::string& secret);

// The headers of every page of ours: nothing from elsewhere, nothing inline, framed by nobody.
void add_page_headers(response& out);

}  // namespace consentry::app::admin
