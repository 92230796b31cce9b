#include "smtp/auth/key_ring.h"

#include <algorithm>
#include <system_error>

#include "base/result.h"

namespace consentry::smtp::auth {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> out;
  for (fs::directory_iterator it{folder, error}, end; !error && it != end; it.increment(error))
    out.push_back(it->path());
  if (error) throw configuration_error(folder.string() + ": " + error.message());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::shared_ptr<const key_ring> key_ring::load(const key_folder& folder) {
  if (const auto good = check_key_folder(folder.path()); !good)
    throw configuration_error(good.error().public_text);
  auto ring = std::make_shared<key_ring>();
  for (const auto& place : entries_of(folder.path())) {
    if (!fs::is_directory(place)) continue;
    const std::string domain = place.filename().string();
    held h{.all = read_keys(folder, domain)};
    if (h.all.empty()) continue;
    for (const auto& k : h.all)
      if (k.state == key_state::signing) h.signing.push_back(k.key);
    ring->by_domain_.emplace(domain, std::move(h));
  }
  return ring;
}

const key_ring::keys& key_ring::of(std::string_view domain) const noexcept {
  static const keys none;
  const auto found = by_domain_.find(domain);
  return found == by_domain_.end() ? none : found->second.signing;
}

const std::vector<held_key>& key_ring::all_of(std::string_view domain) const noexcept {
  static const std::vector<held_key> none;
  const auto found = by_domain_.find(domain);
  return found == by_domain_.end() ? none : found->second.all;
}

std::vector<std::string> key_ring::domains() const {
  std::vector<std::string> out;
  for (const auto& [domain, h] : by_domain_) out.push_back(domain);
  return out;
}

std::size_t key_ring::size() const noexcept {
  std::size_t out = 0;
  for (const auto& [domain, h] : by_domain_) out += h.all.size();
  return out;
}

}  // namespace consentry::smtp::auth
