// SPF by libspf2, in the confined process only: the library that the distribution ships carries
// CVE-2023-42118, and what it reads is written by strangers. The one door to libspf2.
#pragma once

#include <functional>
#include <memory>

#include "smtp/auth/spf/spf_protocol.h"

namespace consentry::smtp::auth::spf {

// Blocks until the answer is there.
using dns_asker = std::function<dns_reply(const dns_question&)>;

// Made before the process is confined: the library asks for the host's name. One thread.
class spf_library {
 public:
  spf_library();  // throws std::bad_alloc
  ~spf_library();

  // RFC 7208 section 4, with its limits: ten terms that ask the DNS, of which two may be void.
  check_verdict evaluate(const check_request& request, const dns_asker& ask);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry::smtp::auth::spf
