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

std::size_t word_index::bucket_of(const given_word& word) noexcept {
  const std::size_t octets = word.text.size();
  if (octets >= key_octets)
    return bucket_of(load(word.text.data(), octets), std::min(octets, key_octets + 1));
  return octets == 1 ? code(word.text[0]) : code(word.text[0]) * codes + code(word.text[1]);
}

word_index::entry word_index::entry_of(const given_word& word) {
  const std::size_t octets = word.text.size();
  return {load(word.text.data(), octets), word.id, static_cast<std::uint16_t>(octets),
          word.is_whole};
}

void word_index::finish() {
  // Those of one letter, of two, the rest; by bucket, the shorter first.
  std::vector<std::tuple<std::size_t, std::size_t, std::size_t, std::uint32_t>> order;
  for (std::uint32_t i = 0; i < given_.size(); ++i) {
    const std::size_t octets = given_[i].text.size();
    order.emplace_back(std::min(octets, key_octets), bucket_of(given_[i]), octets, i);
  }
  std::sort(order.begin(), order.end());
  two_.assign(codes * codes + 1, 0);
  buckets_.assign((std::size_t{2} << bucket_bits) + 1, 0);
  for (const auto& [kind, bucket, size, number] : order) {
    const given_word& w = given_[number];
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
    rest_of_.push_back(static_cast<std::uint32_t>(rests_.size()));
    if (w.text.size() > head_octets) rests_ += w.text.substr(head_octets);
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
