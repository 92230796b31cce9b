// Strings and expressions that may stand anywhere in a text. The one door to Hyperscan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/database_cache.h"
#include "filters/hyperscan_scratch.h"

namespace consentry::filters {

struct sought_piece {
  std::string text;         // a string of the view's alphabet, or an expression
  bool is_regular = false;  // an expression: of any case, with the place where it begins
  std::string user;         // "file:line: id", for errors
};

// Beyond, a hit of an expression without a bound may be missed in view 3.
inline constexpr std::size_t expression_octets_max = 512;

// add() each piece, compile() once; then any thread may scan.
class hyperscan_engine {
 public:
  hyperscan_engine() = default;
  ~hyperscan_engine();
  hyperscan_engine(const hyperscan_engine&) = delete;
  hyperscan_engine& operator=(const hyperscan_engine&) = delete;

  // What the piece is called in hits: 0, 1, 2 ..
  std::uint32_t add(sought_piece piece);
  // Takes it from the cache if it is there. Throws configuration_error "file:line: id: text" for
  // what Hyperscan refuses. is_utf8: of the texts.
  void compile(bool is_utf8, hyperscan_scratch& scratch, const database_cache& cache);
  bool is_empty() const noexcept { return database_ == nullptr; }
  // After compile(): no hit of an expression is longer, but for those beyond the bound above.
  std::size_t reach() const noexcept { return reach_; }

  // Calls take(piece, begin, end) for each hit, in the order of their ends; of strings `begin` is
  // 0. False if take() said so, which ends it, or the text cannot be searched.
  template <class F>
  bool scan(std::string_view text, hs_scratch* scratch, F& take) const {
    const auto call = [](unsigned piece, unsigned long long from, unsigned long long to, unsigned,
                         void* f) {
      return (*static_cast<F*>(f))(piece, static_cast<std::size_t>(from),
                                   static_cast<std::size_t>(to))
                 ? 0
                 : 1;
    };
    return scan(text, scratch, call, &take);
  }

 private:
  using callback = int (*)(unsigned, unsigned long long, unsigned long long, unsigned, void*);
  bool scan(std::string_view text, hs_scratch* scratch, callback call, void* context) const;
  void measure();

  std::vector<sought_piece> pieces_;
  std::vector<unsigned> flags_;
  hs_database* database_ = nullptr;
  std::size_t reach_ = 0;
};

}  // namespace consentry::filters
