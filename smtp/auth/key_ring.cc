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

std::shared_ptr<const dkim_key> read_key(const fs::path& file, const std::string& domain) {
  const auto pem = read_key_file(file);
  if (!pem) throw configuration_error(file.string() + ": " + pem.error().public_text);
  auto key = dkim_key::from_pem(domain, file.stem().string(), *pem);
  if (!key) throw configuration_error(file.string() + ": " + key.error().public_text);
  return *key;
}

void rsa_first(key_ring::keys& keys) {
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
    return std::pair{a->algorithm(), a->selector()} < std::pair{b->algorithm(), b->selector()};
  });
}

}  // namespace

std::shared_ptr<const key_ring> key_ring::load(const fs::path& folder) {
  auto ring = std::make_shared<key_ring>();
  for (const auto& domain_folder : entries_of(folder)) {
    if (!fs::is_directory(domain_folder)) continue;
    const std::string domain = domain_folder.filename().string();
    keys found;
    for (const auto& file : entries_of(domain_folder))
      if (file.extension() == ".pem") found.push_back(read_key(file, domain));
    if (found.empty()) continue;
    rsa_first(found);
    ring->by_domain_.emplace(domain, std::move(found));
  }
  return ring;
}

const key_ring::keys& key_ring::of(std::string_view domain) const noexcept {
  static const keys none;
  const auto found = by_domain_.find(domain);
  return found == by_domain_.end() ? none : found->second;
}

std::size_t key_ring::size() const noexcept {
  std::size_t out = 0;
  for (const auto& [domain, keys] : by_domain_) out += keys.size();
  return out;
}

result<key_ring::keys> create_keys(const fs::path& folder, const std::string& domain,
                                   const std::string& selector) {
  const fs::path place = folder / domain;
  std::error_code error;
  fs::create_directories(place, error);
  if (error)
    return failure{failure_kind::io, false, failure_scope::none, "cannot create the key folder",
                   place.string() + ": " + error.message()};
  const std::pair<const char*, dkim_algorithm> wanted[] = {{"r", dkim_algorithm::rsa_sha256},
                                                           {"e", dkim_algorithm::ed25519_sha256}};
  for (const auto& [suffix, algorithm] : wanted)
    if (fs::exists(place / (selector + suffix + ".pem"), error))
      return failure{failure_kind::conflict,
                     true,
                     failure_scope::none,
                     "key " + selector + suffix + " exists already",
                     {}};
  key_ring::keys out;
  for (const auto& [suffix, algorithm] : wanted) {
    secret_text pem;
    auto key = dkim_key::generate(domain, selector + suffix, algorithm, pem);
    const auto written = create_key_file(place / (selector + suffix + ".pem"), pem.reveal());
    if (!written) return written.error();
    out.push_back(std::move(key));
  }
  return out;
}

}  // namespace consentry::smtp::auth
