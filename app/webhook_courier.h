// Tells tenants' servers of their outcomes: batches over HTTPS, signed, in the order of the
// journal, each again until it is taken. It reads the journal behind mail and has threads of its
// own, so no server, however slow, is felt by mail.
//
//   POST, application/json: {"webhook", "batch", "first", "through", "outcomes": [...]}
//   Consentry-Signature: t=<seconds>,v1=<hex HMAC-SHA256(secret, "<t>.<body>")>[,v1=<by the old
//   one>] Consentry-Batch: as "batch": the same when it comes again
//
// 2xx takes a batch. Anything else brings it again, later and later; after `attempts` it lies as a
// dead letter (a range of the journal) and what follows goes on.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "app/outcome_feed.h"
#include "app/outward_address.h"
#include "app/webhook_store.h"
#include "base/clock.h"
#include "base/https_client.h"
#include "base/task_scope.h"
#include "base/worker_pool.h"
#include "smtp/dns/resolver.h"

namespace consentry::app {

struct webhook_options {
  std::string key;  // 32 bytes: seals secrets
  opened_networks allowed;
  std::filesystem::path authorities;  // PEM; empty: the system's
  unsigned attempts = 12;
  std::chrono::milliseconds retry_first{2'000};
  std::chrono::milliseconds retry_max = std::chrono::hours{1};
  std::chrono::milliseconds timeout{10'000};
  std::size_t batch_max = 100;  // outcomes
};

// "whsec_..." and its sealed form.
struct webhook_secret {
  std::string shown, sealed;
};
webhook_secret make_webhook_secret(std::string_view key);

// t=..,v1=..; several secrets sign side by side.
std::string webhook_signature(const std::vector<std::string>& secrets, std::int64_t seconds,
                              std::string_view body);

class webhook_courier {
 public:
  struct parts {
    store_rooms& rooms;
    const wall_clock& clock;
    smtp::dns::resolver& dns;
  };
  // executor: of one thread. The parts outlive it.
  webhook_courier(boost::asio::any_io_executor executor, parts p, webhook_options o);
  ~webhook_courier();

  void start();
  boost::asio::awaitable<void> close();
  const webhook_options& options() const noexcept { return options_; }

  struct answer {
    unsigned status = 0;  // 0: there was none
    std::string error;    // empty: 2xx
    std::chrono::milliseconds took{};
  };
  // An empty batch, {"test": true}, now; changes nothing.
  boost::asio::awaitable<answer> test(webhook_id id, webhook w);

 private:
  struct batch;

  boost::asio::awaitable<void> run();
  result<std::vector<webhook_id>> due();
  bool has_room_for(const webhook_id& id) const;
  boost::asio::awaitable<void> serve(webhook_id id);
  result<std::optional<batch>> next_batch(webhook_id id) const;  // nullopt: gone, or paused
  boost::asio::awaitable<answer> post(webhook_id id, webhook w, std::string body, std::string name);
  boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> find(std::string host);
  boost::asio::awaitable<void> settle(webhook_id id, batch b, answer a);
  void note(write_txn& txn, webhook_id id, const batch& b, const answer& a, instant now) const;
  std::chrono::milliseconds pause_after(std::uint32_t failures) const;

  parts p_;
  webhook_options options_;
  worker_pool workers_;
  task_scope tasks_;
  boost::asio::any_io_executor executor_;
  std::shared_ptr<std::atomic<bool>> is_closed_ = std::make_shared<std::atomic<bool>>(false);
  std::set<webhook_id> busy_;
  // Of due(), which runs alone, on a worker.
  journal_seq begun_at_;  // the journal's end when this began
  journal_seq seen_through_;
  std::map<tenant_id, journal_seq> newest_;  // since
};

}  // namespace consentry::app
