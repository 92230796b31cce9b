// Domains that take no mail and say so (RFC 7505): known at RCPT, or looked up then within a short
// bound (docs/decisions/sender-preflight.md).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "app/live_settings.h"
#include "base/clock.h"
#include "smtp/dns/resolver.h"

namespace consentry::app {

// Any thread.
class null_mx {
 public:
  null_mx(smtp::dns::resolver& dns, const live_settings& live, const wall_clock& clock)
      : dns_{dns}, live_{live}, clock_{clock} {}

  // Whether the domain is known to take no mail. False where a static route leads elsewhere than
  // its MX, and where no answer comes in time: then the delivery finds it out.
  boost::asio::awaitable<bool> takes_no_mail(std::string ascii_domain);

 private:
  struct answer {
    bool is_null = false;
    instant until{};
  };
  std::optional<bool> known(const std::string& domain, instant now);
  bool may_wait(instant now);
  void note(const std::string& domain, bool is_null, bool is_vain, instant now);

  smtp::dns::resolver& dns_;
  const live_settings& live_;
  const wall_clock& clock_;
  std::mutex lock_;
  std::unordered_map<std::string, answer> answers_;
  std::deque<instant> vain_;  // waits of the last minute that brought nothing
};

}  // namespace consentry::app
