// Which mail a request means, out of its query or its body.
//
//   tenant, stream, campaign, message (m..), recipient (r..), domain, site (a domain, or the name
//   of a site: all domains that share its hosts), state (untried, deferred, held), held_because,
//   older_than, newer_than (90s, 15m, 6h, 3d: since acceptance)
#pragma once

#include <functional>

#include "app/admin/api.h"
#include "queue/queue_filter.h"

namespace consentry::app::admin {

using named_text = std::function<std::string(const std::string& name)>;  // "" where absent

// The names, but for site. configuration_error for what does not exist or does not read.
queue::queue_filter filter_of(api_context& c, const named_text& asked);

// The domains that wait and share the hosts of `named`, as far as that is known; those that are not
// are asked for within a few seconds. The scheduler's executor.
struct found_site {
  std::string site;
  std::set<std::string> domains;
  std::size_t unknown = 0;  // domains whose hosts could not be found in that time
};
boost::asio::awaitable<result<found_site>> find_site(api_context& c, std::string named);

// Both: filter_of, and the domains of its site.
boost::asio::awaitable<result<queue::queue_filter>> find_filter(api_context& c, named_text asked);

// "90s", "15m", "6h", "3d"; nullopt: not so.
std::optional<std::chrono::seconds> parse_age(std::string_view text);

boost::json::object counts_json(const queue::queue_counts& c);

}  // namespace consentry::app::admin
