#include "smtp/server/auth_guard.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

#include "base/text.h"

namespace consentry::smtp::server {
namespace {

// first * 2^doublings, at most longest.
std::chrono::milliseconds doubled(std::chrono::milliseconds first, unsigned doublings,
                                  std::chrono::milliseconds longest) {
  auto d = first;
  for (unsigned i = 0; i < doublings && d < longest; ++i) d *= 2;
  return std::min(d, longest);
}

}  // namespace

std::string peer_key(std::string_view ip) {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(ip, ec);
  if (ec || !address.is_v6()) return std::string{ip};
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6).to_string();
  const auto bytes = v6.to_bytes();
  return hex({reinterpret_cast<const char*>(bytes.data()), 8}) + "/64";
}

std::list<auth_guard::peer>::iterator auth_guard::find(const std::string& key,
                                                       clock::time_point now) {
  const auto known = by_key_.find(key);
  if (known == by_key_.end()) return peers_.end();
  const auto entry = known->second;
  if (now - entry->last < options_.forgive_after || now < entry->locked_until) return entry;
  by_key_.erase(known);
  peers_.erase(entry);
  return peers_.end();
}

std::chrono::milliseconds auth_guard::locked_for(std::string_view ip, clock::time_point now) {
  const auto key = peer_key(ip);
  const std::lock_guard lock{mutex_};
  const auto entry = find(key, now);
  if (entry == peers_.end() || entry->locked_until <= now) return {};
  return std::chrono::ceil<std::chrono::milliseconds>(entry->locked_until - now);
}

std::chrono::milliseconds auth_guard::failed(std::string_view ip, clock::time_point now) {
  auto key = peer_key(ip);
  const std::lock_guard lock{mutex_};
  auto entry = find(key, now);
  if (entry == peers_.end()) {
    if (peers_.size() >= options_.peers_max) {
      by_key_.erase(peers_.back().key);
      peers_.pop_back();
    }
    peers_.push_front({std::move(key), 0, now, now});
    entry = peers_.begin();
    by_key_.emplace(entry->key, entry);
  } else {
    peers_.splice(peers_.begin(), peers_, entry);
  }
  ++entry->failures;
  entry->last = now;
  if (entry->failures >= options_.free_failures)
    entry->locked_until =
        now + doubled(options_.first_lock, entry->failures - options_.free_failures,
                      options_.longest_lock);
  return doubled(options_.answer_delay, entry->failures - 1, 8 * options_.answer_delay);
}

std::size_t auth_guard::peers() const {
  const std::lock_guard lock{mutex_};
  return peers_.size();
}

}  // namespace consentry::smtp::server
