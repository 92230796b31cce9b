#include "filters/paragraph_memo.h"

#include <algorithm>

namespace consentry::filters {
namespace {

constexpr std::size_t octets_min = 12;        // shorter ones are searched again
constexpr std::size_t paragraphs_max = 2000;  // of a message

// Calls f(begin, end) for each paragraph.
template <class F>
void each_paragraph(std::string_view seen, std::size_t begin, std::size_t end, F f) {
  while (begin < end) {
    const auto line_end = std::min(seen.find('\n', begin), end);
    f(begin, line_end);
    begin = line_end + 1;
  }
}

}  // namespace

std::vector<paragraph_memo::piece> paragraph_memo::split(std::string_view seen) const {
  std::vector<piece> out;
  std::size_t new_from = 0;
  const auto end_new = [&](std::size_t end) {
    if (end > new_from) out.push_back({new_from, end, nullptr});
  };
  if (!known_.empty())
    each_paragraph(seen, 0, seen.size(), [&](std::size_t begin, std::size_t end) {
      if (end - begin < octets_min) return;
      const auto at = known_.find(std::string{seen.substr(begin, end - begin)});
      if (at == known_.end()) return;
      end_new(begin);
      out.push_back({begin, end, &at->second});
      new_from = end;
    });
  end_new(seen.size());
  return out;
}

void paragraph_memo::learn(std::string_view seen, const piece& searched,
                           const std::vector<view_hit>& hits) {
  each_paragraph(seen, searched.begin, searched.end, [&](std::size_t begin, std::size_t end) {
    if (end - begin < octets_min || known_.size() >= paragraphs_max) return;
    const auto [at, is_new] = known_.try_emplace(std::string{seen.substr(begin, end - begin)});
    if (!is_new) return;
    auto h = std::lower_bound(hits.begin(), hits.end(), begin,
                              [](const view_hit& a, std::size_t b) { return a.begin < b; });
    for (; h != hits.end() && h->begin < end; ++h)
      at->second.push_back({h->whose, h->begin - begin, h->end - begin});
  });
}

}  // namespace consentry::filters
