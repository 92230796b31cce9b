// Compiled pattern databases on disk, so that a start need not compile. A cache and no more: what
// it cannot give is compiled, what it cannot keep is not kept.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace consentry::filters {

// Files "<key>.hsdb" with mode 0600, each under a digest of its content; written beside and moved
// into place. Only the daemon's own user may write the folder: what lies there is trusted to be
// ours, and the digest is against disks, not against strangers. Any thread.
class database_cache {
 public:
  // Made with mode 0700 where it is missing. Empty: nothing is ever found or kept.
  explicit database_cache(std::filesystem::path folder = {});

  // nullopt: not there, of another user or mode, or damaged.
  std::optional<std::string> find(std::string_view key) const;
  // Keeps it, and of all the 24 that were used last.
  void keep(std::string_view key, std::string_view content) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace consentry::filters
