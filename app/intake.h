// The gatekeeper of submission: signs tenants in, answers each RCPT with the judge's verdict where
// it can be known, judges again when the message is complete, and makes message, verdicts and
// journal durable before it says 250.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/campaign_source.h"
#include "app/live_settings.h"
#include "app/message_reading.h"
#include "app/null_mx.h"
#include "app/policy_shadow.h"
#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "policy/verdict.h"
#include "queue/bounce_notice.h"
#include "queue/retry_schedule.h"
#include "smtp/server/gatekeeper.h"

namespace consentry::app {

struct acceptance;

class intake final : public smtp::server::gatekeeper {
 public:
  // All outlive it.
  struct parts {
    store_rooms& rooms;
    const live_settings& live;
    worker_pool& workers;
    // Reading attachments waits, up to the time that the policy gives it: on threads of its own, so
    // that no other mail waits behind it. nullptr: only text is read.
    const filters::attachment_reader* attachments = nullptr;
    worker_pool* attachment_workers = nullptr;
    const wall_clock& clock;
    std::function<void(instant due)> notify_queue;
    // The same of one flow, which is cheaper; empty: notify_queue is called.
    std::function<void(const queue::flow_id&, queue::lane, instant due)> notify_flow{};
    policy_shadow* shadow = nullptr;  // nullptr: there is none
    app::null_mx* null_mx = nullptr;  // nullptr: nobody looks at RCPT
  };
  struct options {
    std::string host_name;
    queue::retry_settings retry;
    queue::notice_settings notices;
  };

  intake(parts p, options o);

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
  struct submission;

  boost::asio::awaitable<smtp::reply> refuse_recipient(const smtp::server::session_info& session,
                                                       campaign_name names, std::string person,
                                                       kept_facts facts, policy::verdict v,
                                                       bool is_trap);
  boost::asio::awaitable<result<message_reading>> read(submission& s);
  result<void> judge_all(submission& s) const;
  boost::asio::awaitable<smtp::reply> refuse_all(submission& s);
  // None: judge again.
  boost::asio::awaitable<std::optional<smtp::reply>> accept(submission& s);
  void notify(const submission& s, const acceptance& a);
  void show_shadow(submission& s, const acceptance& a, message_id message) const;
  bool is_shadowed() const noexcept { return parts_.shadow != nullptr && parts_.shadow->is_on(); }
  static std::size_t fingerprint_limit(const submission& s);

  parts parts_;
  options options_;
};

}  // namespace consentry::app
