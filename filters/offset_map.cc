#include "filters/offset_map.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace consentry::filters {

void offset_map::note(std::size_t length, std::size_t original, std::size_t original_length) {
  if (length == 0) return;
  CONSENTRY_CHECK(original >= original_end_);
  CONSENTRY_CHECK(derived_end_ + length <= std::numeric_limits<std::uint32_t>::max());
  CONSENTRY_CHECK(original + original_length <= std::numeric_limits<std::uint32_t>::max());
  const bool joins =
      !checkpoints_.empty() && original == original_end_ &&
      derived_end_ - checkpoints_.back().derived == original_end_ - checkpoints_.back().original &&
      length == original_length;
  if (!joins) {
    const auto derived = static_cast<std::uint32_t>(derived_end_);
    if (!checkpoints_.empty() && original != original_end_) {
      checkpoints_.push_back({derived, static_cast<std::uint32_t>(original_end_)});
    }
    checkpoints_.push_back({derived, static_cast<std::uint32_t>(original)});
  }
  derived_end_ += length;
  original_end_ = original + original_length;
  is_even_ =
      derived_end_ - checkpoints_.back().derived == original_end_ - checkpoints_.back().original;
}

std::pair<std::size_t, std::size_t> offset_map::octet(std::size_t at) const noexcept {
  const auto after =
      std::upper_bound(checkpoints_.begin(), checkpoints_.end(), at,
                       [](std::size_t value, const checkpoint& c) { return value < c.derived; });
  const checkpoint& from = *(after - 1);
  const std::size_t next_derived = after == checkpoints_.end() ? derived_end_ : after->derived;
  const std::size_t next_original = after == checkpoints_.end() ? original_end_ : after->original;
  if (next_derived - from.derived != next_original - from.original) {
    return {from.original, next_original};
  }
  const std::size_t position = from.original + (at - from.derived);
  return {position, position + 1};
}

std::pair<std::size_t, std::size_t> offset_map::original(std::size_t begin,
                                                         std::size_t end) const noexcept {
  end = std::min(end, derived_end_);
  if (derived_end_ == 0) return {0, 0};
  if (begin >= end) {
    const std::size_t position = begin < derived_end_ ? octet(begin).first : original_end_;
    return {position, position};
  }
  return {octet(begin).first, octet(end - 1).second};
}

}  // namespace consentry::filters
