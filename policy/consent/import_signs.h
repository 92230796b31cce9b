// Signs that a list was bought (RULES A2 5.1, 5.3): counted while a file is read, weighed by a pure
// function. They accuse nobody; they say where a person should look before mail goes out.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace consentry::policy::consent {

struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const noexcept {
    return std::hash<std::string_view>{}(s);
  }
};
using name_set = std::unordered_set<std::string, text_hash, std::equal_to<>>;

// Local parts of roles ("info") and domains of throw-away addresses; immutable once loaded.
struct known_lists {
  name_set roles;
  name_set throwaway_domains;
};
// Lines, lower case; "#" begins a comment. Throws configuration_error.
known_lists load_known_lists(const std::filesystem::path& roles,
                             const std::filesystem::path& throwaway_domains);

// The values that stand most often in a stream, in memory that does not grow (Misra and Gries):
// counts are too low by at most seen / slots.
class frequent_values {
 public:
  static constexpr std::size_t slots = 128;
  void see(std::uint64_t value);
  void add(const frequent_values& more);
  // Of all seen, the share of those values that make up at least least_share each.
  double share_of_frequent(double least_share) const;
  std::uint64_t seen() const noexcept { return seen_; }

 private:
  void give_back(std::uint64_t count);
  std::unordered_map<std::uint64_t, std::uint64_t> counts_;
  std::uint64_t seen_ = 0;
  std::uint64_t last_value_ = 0, last_count_ = 0;  // runs of one value
  void settle();
};

// One address in sample_rate is compared with other tenants' imports; which, depends on the address
// alone, so that all samples hold the same people.
inline constexpr std::uint64_t sample_rate = 8;
bool is_sampled(std::string_view address_key) noexcept;

// What the rows of a file show. Sums: of parts of a file in any order.
struct import_signs {
  std::uint64_t rows = 0;  // with a readable address, taken or refused
  std::uint64_t roles = 0;
  std::uint64_t throwaways = 0;
  frequent_values times;  // given_at with a time of day
  frequent_values days;   // given_at that is a bare date

  void see(std::string_view address_key, std::string_view given_at, const known_lists* lists);
  void add(const import_signs& more);
};

// Smaller imports say too little.
inline constexpr std::uint64_t signs_rows_min = 500;

// As stored with the import; shares are between 0 and 1.
struct import_shares {
  std::uint64_t rows = 0;
  double roles = 0;
  double throwaways = 0;
  double same_time = 0;           // rows whose given_at many others share
  std::optional<double> overlap;  // of the sample, in other tenants' imports; rounded to 5 percent
  // What became of mail to the addresses in the days after the import.
  std::uint64_t delivered = 0;
  std::uint64_t bounced = 0;  // for good
  std::uint64_t complained = 0;
};
import_shares shares_of(const import_signs& s);
double rounded_share(std::uint64_t part, std::uint64_t whole);  // to 5 percent

struct import_score {
  int points = 0;                    // 0 to 100
  std::vector<std::string> reasons;  // "55 % of the addresses are in other tenants' imports too"
};
// Pure. Nothing (0, no reasons) at or below signs_rows_min rows.
import_score score_of(const import_shares& s);

}  // namespace consentry::policy::consent
