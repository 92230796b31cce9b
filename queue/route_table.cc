#include "queue/route_table.h"

#include <algorithm>

#include "base/text.h"

namespace consentry::queue {
namespace {

// Whole domains first, then suffixes by length, then "*".
int rank(const route& r) {
  if (r.pattern == "*") return 1 << 20;
  return r.pattern.starts_with('.') ? (1 << 19) - static_cast<int>(r.pattern.size()) : 0;
}

bool matches(std::string_view pattern, std::string_view domain) {
  if (pattern == "*") return true;
  if (pattern.starts_with('.')) return domain.size() > pattern.size() && domain.ends_with(pattern);
  return pattern == domain;
}

}  // namespace

route_table::route_table(std::vector<route> routes) : routes_{std::move(routes)} {
  for (auto& r : routes_) r.pattern = ascii_lower(r.pattern);
  std::sort(routes_.begin(), routes_.end(), [](const route& a, const route& b) {
    return std::pair{rank(a), a.pattern} < std::pair{rank(b), b.pattern};
  });
}

const route* route_table::find(std::string_view ascii_domain) const noexcept {
  for (const auto& r : routes_)
    if (matches(r.pattern, ascii_domain)) return &r;
  return nullptr;
}

}  // namespace consentry::queue
