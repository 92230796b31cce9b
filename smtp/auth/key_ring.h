// The private keys of all sender domains, parsed once, swapped whole on reload.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/auth/dkim_signer.h"
#include "smtp/auth/key_folder.h"

namespace consentry::smtp::auth {

// Immutable; any thread.
class key_ring {
 public:
  using keys = std::vector<std::shared_ptr<const dkim_key>>;

  key_ring() = default;
  // Throws configuration_error naming the file, as read_keys does; also where the folder itself is
  // open to others.
  static std::shared_ptr<const key_ring> load(const key_folder& folder);

  // The keys that sign for exactly that domain (lower-case A-labels), RSA first; empty if there are
  // none.
  const keys& of(std::string_view domain) const noexcept;
  // Also those that wait and those that are retired.
  const std::vector<held_key>& all_of(std::string_view domain) const noexcept;
  std::vector<std::string> domains() const;
  std::size_t size() const noexcept;  // keys in any state

 private:
  struct held {
    keys signing;
    std::vector<held_key> all;
  };
  std::map<std::string, held, std::less<>> by_domain_;
};

}  // namespace consentry::smtp::auth
