// The real courier: makes the recipient's copy, signs it, finds the hosts, transmits.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/worker_pool.h"
#include "queue/courier.h"
#include "queue/message_copy.h"
#include "queue/route_table.h"
#include "queue/site_directory.h"
#include "queue/spool.h"
#include "queue/trace_board.h"
#include "queue/transport.h"

namespace consentry::queue {

struct delivery_settings {
  copy_settings copies;
  std::size_t shared_bytes_max = 64
                                 << 20;  // bodies kept for copies to come, beyond those in flight
};

class delivery final : public courier {
 public:
  using key_source = std::function<std::shared_ptr<const smtp::auth::key_ring>()>;
  using token_source = std::function<std::shared_ptr<const smtp::token_ring>()>;
  using route_source = std::function<std::shared_ptr<const route_table>()>;
  // mx_plan::site of a domain, within the DNS's deadlines.
  using site_source = std::function<boost::asio::awaitable<result<std::string>>(std::string)>;

  // All outlive it. The sources give the snapshot of the moment; never nullptr. workers does the
  // signing.
  struct parts {
    spool& bodies;
    worker_pool& workers;
    transport& network;
    key_source keys;
    token_source tokens;
    route_source routes;
    const wall_clock& clock;
    site_source sites{};            // empty: each domain is a site of its own
    trace_board* traces = nullptr;  // nullptr: nobody can look on
  };

  delivery(parts p, delivery_settings s);
  ~delivery() override;

  boost::asio::awaitable<carried> carry(std::shared_ptr<const queued_message> m,
                                        std::shared_ptr<const queued_recipient> r, departure from,
                                        std::function<bool()> may_start) override;
  // Routes first, then the DNS. The scheduler's executor only.
  std::optional<std::string> site_of(const std::string& domain) const override;
  boost::asio::awaitable<void> find_site(std::string domain) override;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry::queue
