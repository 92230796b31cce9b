// Carries one recipient's copy to its next hop. delivery.h does it for real, tests by script.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "queue/pacing_rules.h"
#include "queue/queued_message.h"
#include "smtp/outcome.h"

namespace consentry::queue {

struct carried {
  smtp::outcome outcome;
  bool broken_off = false;       // may_start said no before MAIL FROM; outcome means nothing then
  bool maybe_delivered = false;  // deferred, but the final dot may have reached the next hop
};

// From where a copy leaves, to which site, and how.
struct departure {
  std::string path;                           // working_set.h: connections are shared by it
  std::shared_ptr<const pacing_rules> rules;  // keep `from`
  const source* from = nullptr;               // null: of any address
  unsigned messages_per_connection_max = 100;
};

class courier {
 public:
  virtual ~courier() = default;

  // On the scheduler's executor, many at a time. Ends within its own deadlines. Throws only
  // boost::system::system_error(operation_aborted), when cancelled before the final dot was sent.
  virtual boost::asio::awaitable<carried> carry(std::shared_ptr<const queued_message> m,
                                                std::shared_ptr<const queued_recipient> r,
                                                departure from,
                                                std::function<bool()> may_start) = 0;

  // The hosts that take mail for a domain, as one name: all domains with the same are one site.
  // nullopt: not known now; find_site() finds it, within the DNS's deadlines.
  virtual std::optional<std::string> site_of(const std::string& domain) const = 0;
  virtual boost::asio::awaitable<void> find_site(std::string domain) = 0;
};

}  // namespace consentry::queue
