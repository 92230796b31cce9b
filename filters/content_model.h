// What a text is about, by all its words together: how likely it is of each category, learnt from
// labelled samples (scripts/weigh-words). Words and pairs of words speak for and against; patterns
// say what a text must not hold, this says what it sounds like.
#pragma once

#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace consentry {
class toml_section;
}

namespace consentry::filters {

// Immutable once it is read; any thread. A model that was not read knows nothing.
class content_model {
 public:
  // Letters only, two and more, in the alphabet of view 2; none of addresses.
  struct word {
    std::uint64_t hash = 0;
    std::uint64_t stem = 0;   // of its first six letters; 0 if it has no more
    std::uint32_t begin = 0;  // octets of the folded text
    std::uint32_t end = 0;
  };
  // Beyond, a text is not looked at.
  static constexpr std::size_t words_max = 200'000;

  struct opinion {
    double forbidden = 0;        // 0 to 1: that it is of any of the categories
    std::vector<double> shares;  // that it is of this one; forbidden is their sum
    std::size_t begin = 0;       // the words that sound worst: [begin, end) of the text
    std::size_t end = 0;
  };

  // Throws configuration_error "file:line: text".
  static content_model read(toml_section t);

  bool is_empty() const noexcept { return rows_.empty(); }
  const std::vector<std::string>& categories() const noexcept { return categories_; }

  static void add_words(std::string_view folded, std::vector<word>& out);

  // The subject speaks of every part of the text. A long text is looked at whole and piece by
  // piece, for what is forbidden may stand among what is not. Linear in the words.
  opinion judge(std::span<const word> subject, std::span<const word> text) const;
  // What the opinion adds to the category's score; 0 where it says little.
  double score(const opinion& o, std::size_t category) const;
  // The words, and pairs, of the piece that speak most for the category, the strongest first.
  std::vector<word> strongest(std::span<const word> piece, std::size_t category,
                              std::size_t most) const;

 private:
  static constexpr std::uint32_t unknown = UINT32_MAX;
  static constexpr std::size_t row_size = 16;  // ordinary mail, then the categories
  static constexpr std::size_t sieve_bits = 18;
  class reading;

  std::uint32_t find(std::uint64_t hash) const noexcept;
  static std::uint64_t pair_of(std::uint64_t first, std::uint64_t second) noexcept;
  void add_row(std::uint64_t hash, std::span<const int> row, double rarity);
  void index();

  std::vector<std::string> categories_;
  std::vector<double> weights_;     // of each category: the score where it is forbidden enough
  std::vector<double> intercepts_;  // ordinary mail first
  double holds_from_ = 1;
  double length_ = 1;   // a text whose words weigh less together is judged as if they did
  double unknown_ = 0;  // how rare a word is that the model does not know
  std::bitset<std::size_t{1} << sieve_bits> sieve_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::int16_t> rows_;
  std::vector<float> rarities_;  // squared
};

// The words of one text, as it is written and, where that differs much, as view 3 reads it.
struct text_words {
  std::vector<content_model::word> written;
  std::vector<content_model::word> collapsed;
};

}  // namespace consentry::filters
