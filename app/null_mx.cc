#include "app/null_mx.h"

#include <algorithm>

namespace consentry::app {

namespace {

constexpr std::chrono::milliseconds wait_max{250};
constexpr std::chrono::minutes holds{10};
constexpr std::chrono::minutes vain_holds{1};
// Where the DNS is slow for many, nobody waits for it at RCPT: five seconds in a minute at most.
constexpr std::size_t vain_max = 20;
constexpr std::size_t answers_max = 1u << 16;

// RFC 7505 section 3: one MX record, whose host is the root.
bool is_null(const result<smtp::dns::dns_answer>& answer) {
  if (!answer || answer->records.size() != 1) return false;
  const auto mx = smtp::dns::parse_mx(answer->records.front());
  return mx && mx->host.empty();
}

}  // namespace

std::optional<bool> null_mx::known(const std::string& domain, instant now) {
  const std::scoped_lock lock{lock_};
  const auto found = answers_.find(domain);
  if (found == answers_.end() || found->second.until <= now) return std::nullopt;
  return found->second.is_null;
}

bool null_mx::may_wait(instant now) {
  const std::scoped_lock lock{lock_};
  while (!vain_.empty() && now - vain_.front() > vain_holds) vain_.pop_front();
  return vain_.size() < vain_max;
}

void null_mx::note(const std::string& domain, bool is_null, bool is_vain, instant now) {
  const std::scoped_lock lock{lock_};
  if (answers_.size() >= answers_max) answers_.clear();  // then asked again, which is no harm
  const std::chrono::milliseconds kept = is_vain ? vain_holds : holds;
  answers_[domain] = {.is_null = is_null, .until = now + kept};
  if (is_vain) vain_.push_back(now);
}

boost::asio::awaitable<bool> null_mx::takes_no_mail(std::string ascii_domain) {
  if (ascii_domain.empty() || ascii_domain.front() == '[') co_return false;
  if (live_.routes.get()->find(ascii_domain) != nullptr) co_return false;
  const auto now = clock_.now();
  if (const auto k = known(ascii_domain, now)) co_return *k;
  if (!may_wait(now)) co_return false;
  std::string name = ascii_domain;
  const auto answer =
      co_await dns_.lookup_within(std::move(name), smtp::dns::record_type::mx, wait_max);
  const bool is_vain = !answer && !answer.error().permanent;
  const bool none = is_null(answer);
  note(ascii_domain, none, is_vain, now);
  co_return none;
}

}  // namespace consentry::app
