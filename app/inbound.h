// The gatekeeper of port 25: strangers, without AUTH, to the gateway's own addresses only.
// Complaint reports, bounces and unsubscribe mails come in here; all else is refused at RCPT.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/complaint_intake.h"
#include "app/live_settings.h"
#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "smtp/address.h"
#include "smtp/auth/spf_check.h"
#include "smtp/dns/resolver.h"
#include "smtp/server/gatekeeper.h"

namespace consentry::app {

class inbound final : public smtp::server::gatekeeper {
 public:
  // All outlive it.
  struct parts {
    store_rooms& rooms;
    const live_settings& live;
    worker_pool& workers;
    const wall_clock& clock;
    smtp::dns::resolver& dns;
    std::function<void(tenant_id)> hold_bulk_of;  // after a block is committed
  };
  struct options {
    std::string host_name;
    smtp::mailbox feedback_address;
    std::string bounce_domain;
    // Besides these two, host_name and the senders' own domains, whose abuse@ and postmaster@ are
    // taken too (RULES E6). A-labels.
    std::vector<std::string> local_domains{};
    std::chrono::milliseconds dns_timeout{10'000};
    smtp::auth::spf_check_options spf{};   // no program: SPF is not asked
    unsigned unmatched_alarm_percent = 2;  // of a day's reports (RULES C7); 0: off
  };

  inbound(parts p, options o) : parts_{std::move(p)}, options_{std::move(o)} {}

  boost::asio::awaitable<result<std::optional<smtp::server::scram_keys>>> find_keys(
      std::string user) override;
  boost::asio::awaitable<result<smtp::server::principal>> sign_in(
      const smtp::server::session_info& session, std::string user) override;
  boost::asio::awaitable<smtp::reply> mail(const smtp::server::session_info& session,
                                           const smtp::envelope& so_far) override;
  boost::asio::awaitable<smtp::reply> recipient(const smtp::server::session_info& session,
                                                const smtp::envelope& so_far,
                                                const smtp::envelope_recipient& next) override;
  boost::asio::awaitable<smtp::reply> message(const smtp::server::session_info& session,
                                              smtp::envelope complete, std::string data) override;

 private:
  // "feedback", "abuse", "postmaster": an address that reports, and letters about abuse, come to.
  std::optional<std::string_view> channel_of(const smtp::mailbox& m) const;
  bool is_own_domain(const std::string& domain) const;
  // The recipient whose unsubscribe address this is.
  std::optional<recipient_id> unsubscribing(const smtp::mailbox& m) const;
  // The recipient of whose copy this is the return path; bounces come from the null path alone (RFC
  // 5321 section 4.5.5).
  std::optional<recipient_id> bouncing(const smtp::mailbox& from, const smtp::mailbox& m) const;

  boost::asio::awaitable<result<void>> take_report(std::string data, std::string channel,
                                                   std::string mail_from,
                                                   smtp::server::session_info session);
  boost::asio::awaitable<void> record_spf(std::vector<journal_seq> reports, std::string mail_from,
                                          smtp::server::session_info session);
  boost::asio::awaitable<result<void>> take_bounce(std::string data, recipient_id recipient,
                                                   std::string remote_ip);
  boost::asio::awaitable<result<void>> take_unsubscribe(recipient_id recipient);

  parts parts_;
  options options_;
  smtp::auth::dkim_verifier verifier_;
};

}  // namespace consentry::app
