#include "filters/word_index.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace consentry::filters {

static_assert(std::endian::native == std::endian::little);

bool word_index::may_hold(std::string_view word) noexcept {
  return !word.empty() && code(word.front()) != 0;
}

void word_index::add(std::string_view word, std::uint32_t id, bool is_whole) {
  given_.push_back({std::string{word}, id, is_whole});
  is_empty_ = false;
}

std::size_t word_index::bucket_of(std::string_view word) noexcept {
  std::size_t out = 0;
  for (std::size_t i = 0; i < std::min(word.size(), key_octets); ++i)
    out = out * codes + code(word[i]);
  return out;
}

word_index::entry word_index::entry_of(const given_word& word) {
  const std::size_t octets = word.text.size();
  const std::uint64_t mask =
      octets >= head_octets ? UINT64_MAX : (std::uint64_t{1} << (octets * 8)) - 1;
  return {load(word.text.data(), octets),     mask,         word.id, 0,
          static_cast<std::uint16_t>(octets), word.is_whole};
}

void word_index::finish() {
  // By bucket, the shorter first.
  std::sort(given_.begin(), given_.end(), [](const given_word& a, const given_word& b) {
    return std::tuple{bucket_of(a.text), a.text.size(), std::string_view{a.text}} <
           std::tuple{bucket_of(b.text), b.text.size(), std::string_view{b.text}};
  });
  two_.assign(codes * codes + 1, 0);
  buckets_.assign(std::size_t{codes} * codes * codes + 1, 0);
  for (const given_word& w : given_) {
    const std::size_t bucket = bucket_of(w.text);
    if (w.text.size() == 1) {
      one_[bucket] = {w.id, w.is_whole};
      continue;
    }
    entry e = entry_of(w);
    if (w.text.size() < key_octets) {
      ++two_[bucket + 1];
      pairs_.push_back(e);
      continue;
    }
    if (w.text.size() > head_octets) {
      e.rest = static_cast<std::uint32_t>(rests_.size());
      rests_ += w.text.substr(head_octets);
    }
    if (w.text.size() == key_octets) {
      threes_.set(sieve_of(e.head, 3));
    } else {
      const auto sieved = std::min(static_cast<unsigned>(w.text.size()), sieved_octets_max);
      longer_[0].set(sieve_of(e.head, 4));
      longer_[sieved - key_octets].set(sieve_of(e.head, sieved));
    }
    ++buckets_[bucket + 1];
    entries_.push_back(e);
  }
  for (auto* starts : {&two_, &buckets_})
    for (std::size_t i = 1; i < starts->size(); ++i) (*starts)[i] += (*starts)[i - 1];
  given_.clear();
  given_.shrink_to_fit();
}

}  // namespace consentry::filters
