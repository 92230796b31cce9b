// The private keys of all sender domains, parsed once, swapped whole on reload.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/auth/dkim_signer.h"

namespace consentry::smtp::auth {

// Immutable; any thread.
class key_ring {
 public:
  using keys = std::vector<std::shared_ptr<const dkim_key>>;

  key_ring() = default;
  // Reads <folder>/<domain>/<selector>.pem, each with mode 0600. Throws configuration_error naming
  // the file.
  static std::shared_ptr<const key_ring> load(const std::filesystem::path& folder);

  // The keys of exactly that domain (lower-case A-labels), RSA first; empty if there are none.
  const keys& of(std::string_view domain) const noexcept;
  std::size_t size() const noexcept;

 private:
  std::map<std::string, keys, std::less<>> by_domain_;
};

// Writes new keys <selector>r (rsa-2048) and <selector>e (ed25519) into the folder, synced, and
// returns them. conflict: they exist.
result<key_ring::keys> create_keys(const std::filesystem::path& folder, const std::string& domain,
                                   const std::string& selector);

}  // namespace consentry::smtp::auth
