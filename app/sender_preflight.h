// Looks whether receivers can tell a sender domain's mail from forgeries: our DKIM keys, a DMARC
// record, SPF (RULES B; docs/decisions/sender-preflight.md). Daily, when a domain is new, and when
// asked to.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/live_settings.h"
#include "app/look_calendar.h"
#include "app/preflight_store.h"
#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "smtp/auth/sender_check.h"
#include "smtp/auth/spf_check.h"
#include "smtp/dns/resolver.h"

namespace consentry::app {

struct preflight_options {
  std::chrono::hours every{24};        // 0: only when asked to
  std::vector<std::string> addresses;  // that mail leaves from, as the internet sees them
  std::string return_path_domain;
  smtp::auth::spf_check_options spf;
  std::chrono::milliseconds time{60'000};  // of a whole look; what has no answer then is unknown
};

// One executor; all outlive its tasks.
class sender_preflight {
 public:
  struct parts {
    store_rooms& rooms;
    const live_settings& live;
    worker_pool& workers;  // for the processes that read SPF
    const wall_clock& clock;
    smtp::dns::resolver& dns;  // keeps no answers
  };
  sender_preflight(parts p, preflight_options o);

  // Looks now, stores what was found and journals what changed. not_found: the tenant has no such
  // domain, or it went, or came anew, meanwhile: then nothing is stored. is_fresh: a person asks,
  // so nothing that was asked a while ago is taken over; only what is two seconds old. conflict:
  // one who asks for the same tenant is not answered yet. limit: many persons ask.
  boost::asio::awaitable<result<domain_preflight>> run(tenant_id tenant, std::string domain,
                                                       std::string actor, bool is_fresh);

  // Until cancelled: looks at its share of the verified domains as each comes due. Several lanes
  // bound how many are looked at together.
  boost::asio::awaitable<void> keep_up(unsigned lane);
  static constexpr unsigned lanes = 4;
  bool runs_by_itself() const noexcept { return options_.every.count() != 0; }

 private:
  using deadline = std::chrono::steady_clock::time_point;
  struct spf_findings {
    std::optional<std::vector<std::string>> texts;
    std::vector<smtp::auth::egress_answer> answers;
  };
  struct return_path {
    instant at{};
    spf_findings spf;
    result<smtp::auth::dmarc_discovery> dmarc{smtp::auth::dmarc_discovery{}};
  };

  boost::asio::awaitable<std::vector<smtp::auth::published_key>> look_up_keys(std::string domain,
                                                                              deadline until);
  boost::asio::awaitable<spf_findings> look_up_spf(std::string domain, deadline until);
  boost::asio::awaitable<return_path> look_at_return_path(bool is_fresh, deadline until);
  std::optional<looked_domain> find(tenant_id tenant, const std::string& domain) const;
  std::optional<domain_preflight> just_found(tenant_id tenant, const std::string& domain) const;
  boost::asio::awaitable<std::vector<smtp::auth::sender_check>> look(std::string domain,
                                                                     bool is_fresh);
  boost::asio::awaitable<result<domain_preflight>> keep(
      looked_domain of, std::string actor, std::vector<smtp::auth::sender_check> found);
  std::vector<looked_domain> verified_domains(unsigned lane) const;
  instant first_look(const looked_domain& d) const;

  parts parts_;
  preflight_options options_;
  return_path last_return_path_;
  instant warned_at_{};            // the look at the return path that was told of last
  std::set<tenant_id> asked_for_;  // tenants that a person's look runs for, now
};

}  // namespace consentry::app
