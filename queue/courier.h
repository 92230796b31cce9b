// Carries one recipient's copy to its next hop. delivery.h does it for real, tests by script.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>

#include "queue/queued_message.h"
#include "smtp/outcome.h"

namespace consentry::queue {

struct carried {
  smtp::outcome outcome;
  bool broken_off = false;       // may_start said no before MAIL FROM; outcome means nothing then
  bool maybe_delivered = false;  // deferred, but the final dot may have reached the next hop
};

class courier {
 public:
  virtual ~courier() = default;

  // On the scheduler's executor, many at a time. Ends within its own deadlines. Throws only
  // boost::system::system_error(operation_aborted), when cancelled before the final dot was sent.
  virtual boost::asio::awaitable<carried> carry(std::shared_ptr<const queued_message> m,
                                                std::shared_ptr<const queued_recipient> r,
                                                std::function<bool()> may_start) = 0;

  // The key of the next hops of a domain: what concurrency is limited by and connections are shared
  // by.
  virtual std::string destination_of(const std::string& domain) const = 0;
};

}  // namespace consentry::queue
