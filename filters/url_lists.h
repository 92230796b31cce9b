// Domains that links are compared with: those that nobody may link to, and those behind which the
// reader cannot see where a link goes.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace consentry::filters {

// Immutable once read; any thread.
class host_list {
 public:
  // The entry that covers a host: the host itself or a domain above it; empty: none. host: as
  // comparable_host() gives it. A few look-ups.
  std::string_view find(std::string_view host) const;
  // Whether some entry ends like that ("hu" of "pelda.hu"): most hosts end here.
  bool may_hold(std::string_view last_label) const { return last_labels_.contains(last_label); }
  bool is_empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }

  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept {
      return std::hash<std::string_view>{}(s);
    }
  };
  using entries = std::unordered_map<std::string, int, text_hash, std::equal_to<>>;  // -> line
  const entries& all() const noexcept { return entries_; }

 private:
  friend host_list parse_host_list(std::string_view text, const std::string& name);
  entries entries_;
  std::unordered_set<std::string, text_hash, std::equal_to<>> last_labels_;
};

// "pelda.hu" in bare lower case: of a domain the last label; of an address all of it.
std::string_view last_label_of(std::string_view host);

// One domain (its sub-domains are meant too) or IP address a line; "#" begins a comment. Throws
// toml_error "name:line: text" for what is neither, for a top-level domain and for an entry that
// stands twice; under a toml_problem_collector each of them is noted.
host_list parse_host_list(std::string_view text, const std::string& name);

struct url_lists {
  host_list blocked;
  host_list shorteners;
  bool is_empty() const noexcept { return blocked.is_empty() && shorteners.is_empty(); }
};

}  // namespace consentry::filters
