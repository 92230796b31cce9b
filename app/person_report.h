// Everything that is held about one person of one tenant (GDPR article 15).
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "app/store_rooms.h"
#include "base/clock.h"

namespace consentry::app {

struct report_limits {
  std::size_t mails_max = 10'000;
  std::size_t events_max = 50'000;
  // False: as the tenant's own people see it, complaints as suppressions only (RULES D5).
  bool to_staff = true;
};

// {"tenant", "person": {"pseudonym", "address", "name"}, "consents": [..], "suppressions": [..],
// "erased": {..}, "mails": [{"message", "campaign", "topic", "stream", "accepted_at", "outcome",
// "complaints"..}], "imports": [..], "notices": [{"hash", "text"..}], "events": [..], "truncated":
// bool}. address: mailbox key. Blocks, as long as a walk through mail and journal takes: a worker.
// not_found: no such tenant.
result<boost::json::object> report_person(const store_rooms& rooms, const wall_clock& clock,
                                          tenant_id tenant, const std::string& address,
                                          const report_limits& limits = {});

}  // namespace consentry::app
