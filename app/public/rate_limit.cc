#include "app/public/rate_limit.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace consentry::app::public_pages {

namespace ip = boost::asio::ip;

rate_limit::rate_limit(unsigned count, std::chrono::seconds period, std::size_t keys_max)
    : count_{static_cast<double>(count)},
      per_second_{static_cast<double>(count) / static_cast<double>(period.count())},
      keys_max_{keys_max} {}

double rate_limit::refilled(const bucket& b, clock::time_point now) const {
  const std::chrono::duration<double> passed = now - b.seen;
  return std::min(count_, b.left + std::max(0.0, passed.count()) * per_second_);
}

void rate_limit::make_room(clock::time_point now) {
  std::erase_if(buckets_, [&](const auto& b) { return refilled(b.second, now) >= count_; });
  if (buckets_.size() < keys_max_) return;
  // A flood of many addresses: drop the older half at once, so that not each of them looks through
  // all.
  std::vector<clock::time_point> seen;
  seen.reserve(buckets_.size());
  for (const auto& [key, b] : buckets_) seen.push_back(b.seen);
  const auto middle = seen.begin() + static_cast<std::ptrdiff_t>(seen.size() / 2);
  std::nth_element(seen.begin(), middle, seen.end());
  std::erase_if(buckets_, [limit = *middle](const auto& b) { return b.second.seen <= limit; });
}

bool rate_limit::take(std::string_view key, clock::time_point now) {
  const std::string name{key};
  auto found = buckets_.find(name);
  if (found == buckets_.end()) {
    if (buckets_.size() >= keys_max_) make_room(now);
    found = buckets_.emplace(name, bucket{count_, now}).first;
  }
  auto& b = found->second;
  b.left = refilled(b, now);
  b.seen = now;
  if (b.left < 1) return false;
  b.left -= 1;
  return true;
}

namespace {

std::optional<ip::address> address_of(std::string_view text) {
  boost::system::error_code error;
  const auto a = ip::make_address(std::string{trim(text)}, error);
  if (error) return std::nullopt;
  return a;
}

ip::address_v6 mapped(const ip::address& a) {
  return a.is_v6() ? a.to_v6() : ip::make_address_v6(ip::v4_mapped, a.to_v4());
}

std::string bytes_of(const ip::address& a) {
  const auto b = mapped(a).to_bytes();
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

std::string plain(const ip::address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, a.to_v6()).to_string();
  if (!a.is_v6()) return a.to_string();
  auto v6 = a.to_v6();
  v6.scope_id(0);
  return v6.to_string();
}

}  // namespace

std::string network_of(std::string_view text) {
  const auto a = address_of(text);
  if (!a) return std::string{text};
  if (a->is_v4() || a->to_v6().is_v4_mapped()) return plain(*a);
  auto bytes = a->to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return ip::address_v6{bytes}.to_string() + "/64";
}

bool trusted_proxies::add(std::string_view text) {
  const auto slash = text.find('/');
  const auto a = address_of(text.substr(0, slash));
  if (!a) return false;
  const unsigned width = a->is_v4() ? 32 : 128;
  unsigned bits = width;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc{} || end != digits.data() + digits.size() || bits > width) return false;
  }
  networks_.push_back({bytes_of(*a), bits + (128 - width)});
  return true;
}

bool trusted_proxies::has(std::string_view text) const {
  const auto a = address_of(text);
  if (!a) return false;
  const auto bytes = bytes_of(*a);
  return std::ranges::any_of(networks_, [&](const network& n) {
    const auto whole = n.bits / 8, rest = n.bits % 8;
    if (bytes.compare(0, whole, n.bytes, 0, whole) != 0) return false;
    const auto mask = static_cast<unsigned char>(0xff << (8 - rest));
    return rest == 0 || ((bytes[whole] ^ n.bytes[whole]) & mask) == 0;
  });
}

std::string trusted_proxies::client_of(std::string_view peer,
                                       std::string_view forwarded_for) const {
  const auto direct = address_of(peer);
  std::string client = direct ? plain(*direct) : std::string{peer};
  if (!has(client)) return client;
  const auto hops = split(forwarded_for, ',');
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    const auto a = address_of(*hop);
    // What cannot be read was written by nobody we trust: the last we know stands.
    if (!a) return client;
    client = plain(*a);
    if (!has(client)) return client;
  }
  return client;
}

}  // namespace consentry::app::public_pages
