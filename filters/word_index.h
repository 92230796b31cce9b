// Which of many thousand words begin where a word of the text begins: a look-up for each word of
// the text, not for each octet. A search for strings does badly here, with words of two letters
// that stand inside of every other word.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::filters {

// Of words in the alphabet of views 2 and 3. add() each, finish() once; then any thread.
class word_index {
 public:
  // Whether the word begins with a letter or a digit, as those of the index must.
  static bool may_hold(std::string_view word) noexcept;
  // Each word once; of at most 65,535 octets. is_whole: it is of no interest where letters follow.
  void add(std::string_view word, std::uint32_t id, bool is_whole);
  void finish();
  bool is_empty() const noexcept { return is_empty_; }

  // Calls take(id, end) for each word of the index that stands at `begin`, the shorter first, and
  // stops (false) when it returns false. What stands around them is not looked at, but for whole
  // words, unless words may end between letters there.
  template <class F>
  bool each_at(std::string_view text, std::size_t begin, bool may_end_anywhere, F&& take) const {
    const unsigned first = code(text[begin]);
    if (first == 0) return true;
    const std::size_t left = text.size() - begin;
    const auto goes_on = [&](std::uint32_t octets) {
      return !may_end_anywhere && octets < left && is_letter(text[begin + octets]);
    };
    const auto& [one, is_one_whole] = one_[first];
    if (one != none && !(is_one_whole && goes_on(1)) && !take(one, begin + 1)) return false;
    if (left < 2) return true;
    const unsigned second = first * codes + code(text[begin + 1]);
    for (std::uint32_t i = two_[second]; i < two_[second + 1]; ++i) {
      const entry& e = pairs_[i];
      if (text[begin + 1] == static_cast<char>(e.head >> 8) && !(e.is_whole && goes_on(2)) &&
          !take(e.id, begin + 2))
        return false;
    }
    if (left < key_octets) return true;
    const std::uint64_t here = load(text.data() + begin, left);
    if (!may_begin(here)) return true;
    // Those of three letters, then the longer ones: by their first four.
    for (const std::size_t octets : {key_octets, key_octets + 1}) {
      const std::size_t key = bucket_of(here, octets);
      const std::uint32_t end = buckets_[key + 1];
      for (std::uint32_t at = buckets_[key]; at < end; ++at) {
        const entry& e = entries_[at];
        if ((here & e.mask()) != e.head) continue;
        if (e.octets > head_octets &&
            (e.octets > left ||
             std::memcmp(text.data() + begin + head_octets, rests_.data() + rest_of_[at],
                         e.octets - head_octets) != 0))
          continue;
        if (e.is_whole && goes_on(e.octets)) continue;
        if (!take(e.id, begin + e.octets)) return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  static constexpr std::size_t key_octets = 3;
  static constexpr std::size_t head_octets = 8;
  static constexpr unsigned codes = 37;

  struct entry {
    std::uint64_t head = 0;  // its first eight octets as load() gives them, zeros behind the last
    std::uint32_t id = 0;
    std::uint16_t octets = 0;
    bool is_whole = false;
    std::uint64_t mask() const noexcept {
      return UINT64_MAX >> (octets < head_octets ? 64 - 8 * octets : 0);
    }
  };
  static_assert(sizeof(entry) == 16);
  struct given_word {
    std::string text;
    std::uint32_t id = 0;
    bool is_whole = false;
  };
  struct single_letter {
    std::uint32_t id = none;
    bool is_whole = false;
  };

  // Letters 1 to 26, digits 27 to 36, all else 0.
  static constexpr std::array<std::uint8_t, 256> code_table = [] {
    std::array<std::uint8_t, 256> all{};
    for (unsigned c = 'a'; c <= 'z'; ++c) all[c] = static_cast<std::uint8_t>(c - 'a' + 1);
    for (unsigned c = '0'; c <= '9'; ++c) all[c] = static_cast<std::uint8_t>(c - '0' + 27);
    return all;
  }();
  static bool is_letter(char c) noexcept { return c >= 'a' && c <= 'z'; }
  static unsigned code(char c) noexcept { return code_table[static_cast<unsigned char>(c)]; }
  // Little endian; zeros where the text has ended.
  static std::uint64_t load(const char* from, std::size_t left) noexcept {
    std::uint64_t out = 0;
    std::memcpy(&out, from, left < head_octets ? left : head_octets);
    return out;
  }
  // Most words of a text end here: no word of the index has their first three letters and no more,
  // or begins with their first four; or it goes on otherwise.
  static constexpr std::size_t sieve_bits = 15;
  static constexpr unsigned sieved_octets_max = 6;
  static std::size_t sieve_of(std::uint64_t head, unsigned octets) noexcept {
    return (head << (64 - 8 * octets)) * 0x9E37'79B9'7F4A'7C15u >> (64 - sieve_bits);
  }
  bool may_begin(std::uint64_t head) const noexcept {
    if (threes_[sieve_of(head, 3)]) return true;
    return longer_[0][sieve_of(head, 4)] &&
           (longer_[3][sieve_of(head, 6)] || longer_[2][sieve_of(head, 5)] ||
            longer_[1][sieve_of(head, 4)]);
  }
  // Of words of three octets (then `octets` is 3) and of those of four and more.
  static constexpr std::size_t bucket_bits = 14;
  static std::size_t bucket_of(std::uint64_t head, std::size_t octets) noexcept {
    return ((head << (64 - 8 * octets)) * 0x9E37'79B9'7F4A'7C15u >> (64 - bucket_bits)) +
           (octets == key_octets ? 0 : std::size_t{1} << bucket_bits);
  }
  static std::size_t bucket_of(const given_word& word) noexcept;
  static entry entry_of(const given_word& word);

  std::vector<given_word> given_;
  bool is_empty_ = true;
  using sieve = std::bitset<std::size_t{1} << sieve_bits>;
  sieve threes_;
  // Of words of four letters and more: by their first four; of those of four, of five, of more.
  std::array<sieve, 4> longer_;
  std::array<single_letter, codes> one_{};  // words of one octet
  // Words of two octets; and of more, by their first three or four: where each bucket begins in the
  // list.
  std::vector<std::uint32_t> two_;
  std::vector<entry> pairs_;
  std::vector<std::uint32_t> buckets_;
  std::vector<entry> entries_;
  std::vector<std::uint32_t> rest_of_;  // of each entry: where what follows its head stands
  std::string rests_;
};

}  // namespace consentry::filters
