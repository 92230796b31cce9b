// One DKIM key after another without a gap: new keys wait until their record is seen in the DNS,
// then sign; what they replace stays published for the mail under way, then its key is destroyed
// (docs/decisions/dkim-keys.md). Before a key starts or ceases to sign it stands
// in the journal who did it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "app/live_settings.h"
#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "smtp/auth/key_folder.h"
#include "smtp/dns/resolver.h"

namespace consentry::app {

struct dkim_rotation_options {
  std::string gateway_domain;                // has keys though it is no tenant's
  std::chrono::hours retire_after{14 * 24};  // a retired key's record stays so long
  std::chrono::hours old_after{180 * 24};    // then a key is warned about; 0: never
  std::chrono::seconds look_every{300};      // at the records of keys that wait
};

// What the DNS says of a key's record; stable words.
enum class record_sight : std::uint8_t { not_asked, unknown, missing, differs, published };
std::string_view to_string(record_sight s) noexcept;

struct seen_key {
  smtp::auth::held_key held;
  record_sight dns = record_sight::not_asked;
};

// One executor; all outlive its tasks.
class dkim_rotation {
 public:
  struct parts {
    store_rooms& rooms;
    live_settings& live;
    worker_pool& workers;  // for the disk
    const wall_clock& clock;
    smtp::dns::resolver& dns;  // keeps no answers
    smtp::auth::key_folder folder;
  };
  dkim_rotation(parts p, dkim_rotation_options o);

  // Keys of that domain (A-labels), those that wait first, each with what the DNS says now. limit:
  // many ask.
  boost::asio::awaitable<result<std::vector<seen_key>>> look(std::string domain);
  // New keys, waiting. selector "": the one that follows. As add_next_keys; not_found: a domain
  // that is neither a tenant's nor the gateway's.
  boost::asio::awaitable<result<std::vector<seen_key>>> rotate(std::string domain,
                                                               std::string selector,
                                                               std::string actor);
  // Asks the DNS; the waiting keys whose record is there sign from now on. not_found: no key waits;
  // conflict: no record of them is there; dns: no answer.
  boost::asio::awaitable<result<std::vector<seen_key>>> activate(std::string domain,
                                                                 std::string actor);
  // A key that waits or is retired is destroyed. As remove_key.
  boost::asio::awaitable<result<void>> remove(std::string domain, std::string selector,
                                              std::string actor);

  // Until cancelled: looks at what waits, and starts to sign with what is seen twice running;
  // destroys what is retired long enough; warns once a day of what is old.
  boost::asio::awaitable<void> keep_up();

  bool is_old(const smtp::auth::held_key& k) const;
  instant leaves_at(const smtp::auth::held_key& k) const { return k.since + options_.retire_after; }

 private:
  boost::asio::awaitable<record_sight> sight_of(std::shared_ptr<const smtp::auth::dkim_key> key);
  boost::asio::awaitable<std::vector<seen_key>> look_at(std::string domain);
  boost::asio::awaitable<result<void>> start(std::string domain, std::vector<seen_key> seen,
                                             std::string actor);
  boost::asio::awaitable<result<void>> note(std::string domain, std::string what,
                                            std::vector<smtp::auth::held_key> keys,
                                            std::string actor);
  boost::asio::awaitable<result<void>> destroy(std::string domain, std::string what,
                                               std::vector<smtp::auth::held_key> keys,
                                               std::string actor);
  boost::asio::awaitable<void> tend(std::string domain);
  boost::asio::awaitable<void> tend_waiting(std::string domain);
  boost::asio::awaitable<void> tend_retired(std::string domain);
  void warn_of_old(const std::string& domain);

  bool is_ours(const std::string& domain) const;
  result<void> reload() const;  // blocks

  parts parts_;
  dkim_rotation_options options_;
  unsigned asking_ = 0;
  std::map<std::string, unsigned> sightings_;  // by name of a waiting key's record, running
  std::map<std::string, instant> warned_;      // by domain
};

}  // namespace consentry::app
