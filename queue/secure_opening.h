// Opens connections to mail hosts as the policies of domain, sender and operator demand
// (docs/decisions/transport-security.md), and tells what came of each.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "queue/courier.h"
#include "queue/tls_demand.h"
#include "smtp/dns/mx.h"
#include "smtp/dns/resolver.h"
#include "smtp/security/mta_sts_cache.h"

namespace consentry::queue {

struct tls_settings {
  tls_rules rules;
  bool uses_dane = true;              // where DNS answers are validated
  std::filesystem::path authorities;  // PEM, for MTA-STS and REQUIRETLS; empty: the system's
  bool resumes = true;
  std::function<void(const smtp::security::tls_session&)>
      observer;  // of each session; may be empty
};

struct mail_host {
  std::string name;
  smtp::dns::host_addresses found;
};

struct opened_link {
  std::unique_ptr<smtp::client::connection> link;  // null: problem says why
  smtp::outcome problem;
  bool is_about_tls = false;  // the problem: TLS that was demanded did not come about
  bool is_by_dane = false;
  std::string only_domain;  // verified by this domain's name only: of no use to others
};

// One executor that runs on one thread.
class secure_opening {
 public:
  // sts: null: no MTA-STS. All must outlive it. Throws configuration_error naming authorities.
  secure_opening(smtp::dns::resolver& dns, smtp::security::mta_sts_cache* sts,
                 smtp::client::connection_settings base, tls_settings s);

  // What mail for the domain demands, but for is_mx_secure. Failure: what was promised cannot be
  // known now; nothing may be sent.
  boost::asio::awaitable<result<tls_demand>> demand_of(std::string domain, smtp::tls_wish wish);
  // As it was found within the last minute, is_mx_secure too; nullopt: ask again.
  std::optional<tls_demand> recent(const std::string& domain, smtp::tls_wish wish) const;
  void remember(const std::string& domain, const tls_demand& demand);

  // How to reach the host; looks TLSA records up where DANE counts.
  boost::asio::awaitable<host_plan> plan(mail_host host, std::uint16_t port, tls_demand demand,
                                         std::string domain);
  // One address of it. A failed handshake is tried once in clear text where nothing forbids it.
  boost::asio::awaitable<opened_link> open(smtp::client::target to, host_plan how,
                                           tls_demand demand, std::string domain, departure from,
                                           std::shared_ptr<smtp::client::dialog_tap> tap);
  // A host that the plan refuses, for the observer.
  void tell_refused(const std::string& host, const host_plan& how, const tls_demand& demand,
                    const std::string& domain) const;

 private:
  smtp::client::connection_settings settings_for(const host_plan& how, const departure& from);
  void tell(const smtp::client::target& to, const host_plan& how, const tls_demand& demand,
            const std::string& domain, const smtp::client::open_result& r,
            const departure& from) const;
  const std::shared_ptr<boost::asio::ssl::context>& verifying();

  struct recent_demand {
    tls_demand demand;
    std::chrono::steady_clock::time_point until;
  };
  smtp::dns::resolver& dns_;
  smtp::security::mta_sts_cache* sts_;
  smtp::client::connection_settings base_;
  tls_settings settings_;
  std::shared_ptr<tls_sessions> sessions_ = tls_sessions::make();
  std::shared_ptr<boost::asio::ssl::context> verifying_;
  std::unordered_map<std::string, recent_demand> recent_;
};

}  // namespace consentry::queue
