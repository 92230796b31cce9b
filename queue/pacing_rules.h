// What conf/pacing.toml says: from where mail leaves, how fast it may go to whom, who comes first,
// and what a site's replies ask for. decisions/pacing.md tells how the parts play together.
//
//   flow   the mail of one tenant, stream and campaign: weight, quotas, send window, pool
//   source an address of ours with a name to say in EHLO; pools are sets of sources with weights
//   site   the hosts that take mail for a domain: all domains with the same MX set are one site
//   path   one site from one source: what connections, rates and back-off are counted for
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/civil_date.h"
#include "base/clock.h"
#include "smtp/outcome.h"
#include "smtp/reply_patterns.h"
#include "smtp/stream.h"

namespace consentry::queue {

// So many in so long. count 0: no limit.
struct send_rate {
  std::uint32_t count = 0;
  std::chrono::milliseconds per{};
  friend bool operator==(const send_rate&, const send_rate&) = default;
};

// "600/min", "5/s", "20000/h", "100000/d"; "": no limit. nullopt: neither.
std::optional<send_rate> parse_rate(std::string_view text);

// Of one path.
struct path_limits {
  std::string rule;  // id of the [[site]], "default"
  unsigned connections_max = 20;
  unsigned messages_per_connection_max = 100;
  send_rate rate;
  std::chrono::milliseconds growth{60'000};  // after a back-off one connection more each so often
  std::chrono::milliseconds pause{300'000};  // the first, where a reply asks for one
  std::chrono::milliseconds pause_max{3'600'000};  // doubled up to this while it goes on
  friend bool operator==(const path_limits&, const path_limits&) = default;
};

enum class reply_action : std::uint8_t {
  none,
  slow,   // half the connections
  pause,  // nothing for a while, then one connection
  close,  // the host wants another connection; nobody is to blame
};

struct reply_advice {
  reply_action action = reply_action::none;
  std::chrono::milliseconds pause{};  // 0: as the site says
  std::string rule;
};

// A part of the day, in Budapest time. begin > end: over midnight.
struct send_window {
  std::chrono::minutes begin{0};
  std::chrono::minutes end{24 * 60};
  std::uint8_t days = 0x7f;  // bit 0: Monday; the day on which the window begins

  struct opening {
    instant begin, end;
  };
  // The one that t lies in, or else the next; at most eight days on.
  opening opening_at(instant t) const;
  friend bool operator==(const send_window&, const send_window&) = default;
};

struct flow_limits {
  unsigned tenant_weight = 1;    // turns of a tenant among tenants
  unsigned campaign_weight = 1;  // of a campaign among the tenant's
  unsigned connections_max = 0;  // of one tenant on one path; 0: as the path
  send_rate rate;                // of the flow, over all paths
  std::uint64_t per_hour = 0;    // of the tenant and stream, by civil hour and Budapest day; 0: no
  std::uint64_t per_day = 0;     // limit
  std::optional<send_window> window;
  std::string pool = "default";
};

struct source {
  std::string name;
  std::optional<boost::asio::ip::address> ipv4, ipv6;  // neither: as the kernel chooses
  std::string ehlo_name;                               // "": the gateway's
  // Mails a day and path while receivers get to know the address; past the list: no limit.
  std::optional<civil_date> warm_up_from;
  std::vector<std::uint64_t> warm_up_per_day;

  // 0: no limit.
  std::uint64_t allowed_on(civil_date day) const;
};

class pacing_rules {
 public:
  pacing_rules();  // nothing yet: one of the following makes what can be used

  // Throws configuration_error with file and line. otherwise and only: what holds where the file
  // has no [default] and no [[source]]; the latter gets the name "default".
  static std::shared_ptr<const pacing_rules> load(const std::filesystem::path& file,
                                                  path_limits otherwise, source only);
  static std::shared_ptr<const pacing_rules> parse(std::string_view text, const std::string& name,
                                                   path_limits otherwise, source only);

  // site: as mx_plan::site, host names with commas between, or "host:port" of a route.
  const path_limits& limits_of(std::string_view site) const;
  flow_limits limits_of(std::string_view tenant, smtp::stream stream,
                        std::string_view campaign) const;

  // Of a pool, in order of the file. Never empty: an unknown pool is "default".
  struct member {
    const source* from = nullptr;
    unsigned weight = 1;
  };
  const std::vector<member>& pool(std::string_view name) const;
  bool has_pool(std::string_view name) const;
  const source* find_source(std::string_view name) const;
  std::vector<std::string> pool_names() const;

  // What a reply (or, without one, the outcome's cause) from a site asks for. Delivered: none.
  reply_advice advise(std::string_view site, const smtp::outcome& o) const;

 private:
  struct reader;
  struct named_pool {
    std::string name;
    std::vector<member> members;
  };
  struct site_rule {
    std::vector<std::string> hosts;  // lower case; themselves and all below
    path_limits limits;
  };
  struct flow_rule {
    std::string tenant;    // "": all
    std::string campaign;  // "": all; "x*": beginning with x
    std::optional<smtp::stream> stream;
    std::optional<unsigned> weight, connections_max;
    std::optional<send_rate> rate;
    std::optional<std::uint64_t> per_hour, per_day;
    std::optional<send_window> window;
    std::optional<std::string> pool;
  };
  struct reply_rule {
    std::string id;
    std::string site;  // id of a [[site]], "": all
    reply_action action = reply_action::none;
    std::chrono::milliseconds pause{};
  };

  path_limits default_;
  std::vector<site_rule> sites_;
  std::vector<flow_rule> flows_;
  std::vector<reply_rule> replies_;
  smtp::reply_patterns patterns_;  // the number of a match is an index of replies_
  std::vector<std::unique_ptr<const source>> sources_;
  std::vector<named_pool> pools_;
};

}  // namespace consentry::queue
