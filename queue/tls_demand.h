// What a connection to a mail host must prove before a domain's mail may go over it, by the
// policies of domain, sender and operator (docs/decisions/transport-security.md). Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/client/connection.h"
#include "smtp/dns/dane.h"
#include "smtp/envelope.h"
#include "smtp/outcome.h"
#include "smtp/security/mta_sts_policy.h"
#include "smtp/security/tls_report.h"

namespace consentry::queue {

struct tls_rules {
  smtp::client::tls_mode mode =
      smtp::client::tls_mode::opportunistic;  // the operator's, everywhere
  // Suffixes of host names, lower case: "google.com" is the host of that name and all below. TLS or
  // nothing, whatever mode says.
  std::vector<std::string> required_hosts;
};

// Of one domain for one message.
struct tls_demand {
  bool is_mx_secure = false;  // DANE counts
  bool is_routed = false;     // the operator named the host: no policy of the domain's is asked
  std::shared_ptr<const smtp::security::sts_policy> sts;  // alive; null: none
  smtp::tls_wish wish = smtp::tls_wish::none;

  bool enforces_sts() const noexcept {
    return sts && sts->mode == smtp::security::sts_mode::enforce && wish != smtp::tls_wish::waived;
  }
  bool minds_dane() const noexcept { return is_mx_secure && wish != smtp::tls_wish::waived; }

  // Connections of one path are shared by messages of equal strength only. Empty for what demands
  // nothing.
  std::string strength() const;
};

// How to open a connection to one host, or why not.
struct host_plan {
  smtp::client::tls_mode mode = smtp::client::tls_mode::opportunistic;
  smtp::client::peer_check check;
  bool must_offer_requiretls = false;
  smtp::security::tls_policy_kind policy = smtp::security::tls_policy_kind::none;  // for reports
  std::optional<smtp::outcome> refusal;  // the host must not be used
  std::string refusal_kind;              // result type of RFC 8460; empty: not one of theirs
};

// dane: as find_dane() found it; not asked where minds_dane() is false.
host_plan plan_for(const tls_rules& rules, const tls_demand& demand, const std::string& domain,
                   const std::string& host, const result<smtp::dns::dane_records>& dane);

bool is_required_host(const tls_rules& rules, std::string_view host) noexcept;

// Whether a check by DANE that succeeded proved the host, so that all domains of the host may use
// the connection, and not the next-hop domain's name alone.
bool proves_host(const smtp::client::peer_check& check, std::string_view host,
                 const smtp::client::peer_verdict& verdict) noexcept;

// What a failure to open means where TLS is demanded: 4.7.4 not offered, 4.7.5 not to be trusted,
// unless the peer's own reply says more. 5.7.30 for who asked for REQUIRETLS. Where the domain's or
// the sender's policy demanded it the scope is the recipient: the path is good for others.
void explain(smtp::outcome& problem, smtp::client::tls_fault fault, const host_plan& plan,
             smtp::tls_wish wish);

}  // namespace consentry::queue
