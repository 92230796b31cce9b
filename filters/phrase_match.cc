#include "filters/phrase_match.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cstring>
#include <optional>
#include <tuple>
#include <utility>

#include "filters/text_view.h"
#include "filters/word_frequency.h"

namespace consentry::filters {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Steps over the text in letters of its view.
class letter_walk {
 public:
  letter_walk(std::string_view text, int view) : text_{text}, is_utf8_{view == 1} {}

  // Octets of the letter that ends at `at`; 0 if none does.
  std::size_t before(std::size_t at) const {
    if (at == 0) return 0;
    if (!is_utf8_) return is_folded_letter(text_[at - 1]) ? 1 : 0;
    auto i = static_cast<std::int32_t>(at);  // windows are far smaller
    const auto* octets = reinterpret_cast<const std::uint8_t*>(text_.data());
    UChar32 c = 0;
    U8_PREV(octets, 0, i, c);
    return c >= 0 && is_letter(static_cast<char32_t>(c)) ? at - static_cast<std::size_t>(i) : 0;
  }

  // Octets of the letter that begins at `at`.
  std::size_t after(std::size_t at) const {
    if (at >= text_.size()) return 0;
    if (!is_utf8_) return is_folded_letter(text_[at]) ? 1 : 0;
    std::size_t i = at;
    UChar32 c = 0;
    U8_NEXT(text_.data(), i, text_.size(), c);
    return c >= 0 && is_letter(static_cast<char32_t>(c)) ? i - at : 0;
  }

  // A word that begins (ends) with a letter ends at anything but a letter; a number at anything
  // but a digit: viagra100mg is viagra.
  bool is_edge_before(std::size_t begin) const {
    if (after(begin) != 0) return before(begin) == 0;
    return !(begin > 0 && begin < text_.size() && is_digit(text_[begin]) &&
             is_digit(text_[begin - 1]));
  }
  bool is_edge_after(std::size_t end) const {
    if (before(end) != 0) return after(end) == 0;
    return !(end < text_.size() && end > 0 && is_digit(text_[end - 1]) && is_digit(text_[end]));
  }

 private:
  std::string_view text_;
  bool is_utf8_;
};

bool is_ascii_sign(char c) {
  return !is_folded_letter(c) && !is_digit(c) && c != '\n';
}

class matching {
 public:
  matching(const compiled_phrase& p, const searched_text& text, text_range within)
      : phrase_{p}, text_{text}, within_{within}, walk_{text.seen, text.view} {}

  std::vector<text_range> run() const {
    const ranges all = go_on({}, 0);
    return {all.begin(), all.end()};
  }

  // match_anchor().
  bool at_anchor(anchor_word anchor, std::size_t end, std::vector<text_range>& out) const {
    const auto& choice = phrase_.segments[phrase_.rarest].choices[anchor.choice];
    const compiled_word& w = choice[anchor.word];
    const bool is_whole = phrase_.rarest == 0;
    const auto place = widened(w, end - w.text.size(), end);
    if (!place) return is_whole;
    const auto begin = begin_of(choice, anchor.word, place->begin);
    if (!begin || !may_follow(*begin)) return is_whole;
    ranges here{{*begin, place->end}};
    for (std::size_t k = anchor.word + 1; k < choice.size() && !here.empty(); ++k)
      here = step(choice[k], &here, false);
    if (!here.empty()) here = go_on(std::move(here), phrase_.rarest + 1);
    out.assign(here.begin(), here.end());
    return is_whole;
  }

 private:
  using ranges = boost::container::small_vector<text_range, 8>;

  // From places of what comes before that segment (of the first, nothing does) to places of all.
  ranges go_on(ranges before, std::size_t segment) const {
    for (std::size_t i = segment; i < phrase_.segments.size(); ++i) {
      const compiled_segment& s = phrase_.segments[i];
      ranges here;
      for (const auto& choice : s.choices) {
        ranges chain = step(choice.front(), i == 0 ? nullptr : &before, s.after_gap);
        for (std::size_t k = 1; k < choice.size() && !chain.empty(); ++k) {
          chain = step(choice[k], &chain, false);
        }
        here.insert(here.end(), chain.begin(), chain.end());
      }
      if (here.empty()) return {};
      std::sort(here.begin(), here.end(), [](const text_range& a, const text_range& b) {
        return std::tie(a.end, a.begin) < std::tie(b.end, b.begin);
      });
      here.erase(std::unique(here.begin(), here.end()), here.end());
      before = std::move(here);
    }
    return before;
  }

  // Whether what comes before the segment may stand before `at`, the place of its first word.
  bool may_follow(std::size_t at) const {
    if (phrase_.rarest == 0) return true;
    const auto& before = phrase_.segments[phrase_.rarest - 1].choices;
    return std::any_of(before.begin(), before.end(), [&](const auto& c) {
      return phrase_.segments[phrase_.rarest].after_gap ? is_before(c.back(), at)
                                                        : text_.view == 1 || is_after(c.back(), at);
    });
  }

  // Whether the word may stand in the same paragraph, a gap before `at`.
  bool is_before(const compiled_word& w, std::size_t at) const {
    const std::size_t letter = text_.view == 1 ? U8_MAX_LENGTH : 1;
    const std::size_t most = gap_octets_max + tail_letters_max * letter + w.text.size();
    const std::size_t begin = at - std::min(at, most);
    for (auto found = find(w, {begin, at}); found != std::string_view::npos;
         found = find(w, {found + 1, at})) {
      if (text_.seen.substr(found, at - found).find('\n') == std::string_view::npos) return true;
    }
    return false;
  }

  // Where the choice begins whose word `number` begins at `at`; nullopt if the words before it do
  // not stand there. They have no tails.
  std::optional<std::size_t> begin_of(const std::vector<compiled_word>& choice, std::size_t number,
                                      std::size_t at) const {
    for (; number > 0; --number) {
      const compiled_word& w = choice[number - 1];
      std::optional<std::size_t> begin;
      for (std::size_t n = blank(); n <= separator_octets_max && !begin; ++n) {
        if (w.text.size() + n > at) break;
        const std::size_t end = at - n;
        const std::size_t first = end - w.text.size();
        if (std::memcmp(text_.sought.data() + first, w.text.data(), w.text.size()) != 0) continue;
        if (!separates(end, at, false)) continue;
        if (const auto place = widened(w, first, end)) begin = place->begin;
      }
      if (!begin) return std::nullopt;
      at = *begin;
    }
    return at;
  }

  // Whether the word may end before `at`.
  bool is_after(const compiled_word& w, std::size_t at) const {
    std::size_t end = at;
    while (end > 0 && at - end <= separator_octets_max && is_ascii_sign(text_.seen[end - 1])) --end;
    if ((end == at && !text_.has_soft_edge(at)) || at - end > separator_octets_max) {
      return !w.is_letters;
    }
    if (w.has_open_head || !w.is_letters) return true;
    std::size_t begin = end;
    if (w.tail == word_tail::none) {
      begin = end < w.text.size() ? end : end - w.text.size();
    } else {
      while (begin > 0 && end - begin < w.text.size() + tail_letters_max &&
             is_folded_letter(text_.seen[begin - 1])) {
        --begin;
      }
    }
    return text_.sought.substr(begin).starts_with(w.text);
  }

  // The places of a word that follow one of those before (nullptr: it is the first word).
  ranges step(const compiled_word& w, const ranges* before, bool after_gap) const {
    ranges out;
    const text_range range = range_of(w, before, after_gap);
    for (auto at = find(w, range); at != std::string_view::npos;
         at = find(w, {at + 1, range.end})) {
      const auto place = widened(w, at, at + w.text.size());
      if (!place) continue;
      if (before == nullptr) {
        out.push_back(*place);
      } else if (const auto begin = joined(*before, place->begin, after_gap)) {
        out.push_back({*begin, place->end});
      }
    }
    std::sort(out.begin(), out.end(),
              [](const text_range& a, const text_range& b) { return a.end < b.end; });
    return out;
  }

  // Where the word can stand behind those before.
  text_range range_of(const compiled_word& w, const ranges* before, bool after_gap) const {
    if (before == nullptr) return within_;
    const std::size_t letter = text_.view == 1 ? U8_MAX_LENGTH : 1;
    const std::size_t between = (after_gap ? gap_octets_max : separator_octets_max) +
                                (w.has_open_head ? head_letters_max * letter : 0);
    const std::size_t end = before->back().end + between + w.text.size();
    return {before->front().end + blank(), std::min(end, within_.end)};
  }

  // Words that touch have no edges, but for soft ones.
  std::size_t blank() const { return text_.soft_edges.empty() ? 1 : 0; }

  // The next place of the word in the range.
  std::size_t find(const compiled_word& w, text_range range) const {
    const char* const text = text_.sought.data();
    std::size_t begin = range.begin;
    while (begin + w.text.size() <= range.end) {
      const char* from = text + begin + w.rare;
      const std::size_t places = range.end - begin - w.text.size() + 1;
      const auto* c = static_cast<const char*>(std::memchr(from, w.text[w.rare], places));
      if (c == nullptr) break;
      const auto at = static_cast<std::size_t>(c - text) - w.rare;
      if (std::memcmp(text + at, w.text.data(), w.text.size()) == 0) return at;
      begin = at + 1;
    }
    return std::string_view::npos;
  }

  // With the head and tail that the word allows; nullopt where its edges are no edges of a word.
  std::optional<text_range> widened(const compiled_word& w, std::size_t begin,
                                    std::size_t end) const {
    if (text_.is_link && phrase_.is_single && end - begin >= unedged_letters_min) {
      return text_range{begin, end};
    }
    std::size_t first = begin;
    for (std::size_t n = 0; w.has_open_head && n < head_letters_max; ++n) {
      const std::size_t octets = walk_.before(first);
      if (octets == 0) break;
      first -= octets;
    }
    if (!walk_.is_edge_before(first) && !text_.has_soft_edge(first)) return std::nullopt;
    std::size_t last = end;
    for (std::size_t n = 0; w.tail != word_tail::none && n < tail_letters_max; ++n) {
      const std::size_t octets = walk_.after(last);
      if (octets == 0 || text_.has_soft_edge(last)) break;
      last += octets;
    }
    if (!walk_.is_edge_after(last) && !text_.has_soft_edge(last)) return std::nullopt;
    if (w.tail == word_tail::inflected && last != end) {
      const std::string_view stem = text_.seen.substr(begin, end - begin);
      const std::string_view ending = text_.seen.substr(end, last - end);
      const bool ok = text_.view == 1 ? is_inflection(phrase_.language, ascii_folded(stem),
                                                      ascii_folded(ending))
                                      : is_inflection(phrase_.language, stem, ending);
      if (!ok) return std::nullopt;
    }
    return text_range{first, last};
  }

  // Begin of the shortest phrase so far that the word at `begin` goes on.
  std::optional<std::size_t> joined(const ranges& before, std::size_t begin, bool after_gap) const {
    const std::size_t most = after_gap ? gap_octets_max : separator_octets_max;
    std::optional<std::size_t> best;
    auto at =
        std::lower_bound(before.begin(), before.end(), begin,
                         [](const text_range& r, std::size_t value) { return r.end <= value; });
    while (at != before.begin()) {
      --at;
      if (at->end + most < begin) break;
      if (!separates(at->end, begin, after_gap)) continue;
      if (!best || at->begin > *best) best = at->begin;
    }
    return best;
  }

  // Between two words of a phrase: signs only, or anything but the end of the paragraph.
  bool separates(std::size_t begin, std::size_t end, bool after_gap) const {
    const std::string_view between = text_.seen.substr(begin, end - begin);
    if (between.find('\n') != std::string_view::npos) return false;
    if (after_gap) return true;
    for (std::size_t i = 0; i < between.size(); ++i) {
      if (is_digit(between[i])) return false;
      if ((static_cast<unsigned char>(between[i]) & 0xC0) != 0x80 && walk_.after(begin + i) != 0) {
        return false;
      }
    }
    return true;
  }

  const compiled_phrase& phrase_;
  const searched_text& text_;
  text_range within_;
  letter_walk walk_;
};

std::size_t words_of(const compiled_segment& s) {
  std::size_t n = 0;
  for (const auto& choice : s.choices) n += choice.size();
  return n;
}

std::size_t reach_of(const compiled_segment& s, std::size_t letter) {
  std::size_t most = 0;
  for (const auto& choice : s.choices) {
    std::size_t octets = 0;
    for (const compiled_word& w : choice) {
      octets += w.text.size() + separator_octets_max;
      if (w.has_open_head) octets += head_letters_max * letter;
      if (w.tail != word_tail::none) octets += tail_letters_max * letter;
    }
    most = std::max(most, octets);
  }
  return most + (s.after_gap ? gap_octets_max : 0);
}

// Hungarian and English letters, the most frequent first.
std::size_t rarest_octet(std::string_view word) {
  constexpr std::string_view letters = "eatnlskoirmzgdbyvuhpcfjwxq";
  const auto rank = [&](char c) { return std::min(letters.find(c), letters.size()); };
  const auto rarest =
      std::max_element(word.begin(), word.end(), [&](char a, char b) { return rank(a) < rank(b); });
  return static_cast<std::size_t>(rarest - word.begin());
}

std::size_t rarest_word(const std::vector<compiled_word>& choice) {
  std::size_t rarest = 0;
  double least = choice.front().frequency;
  for (std::size_t k = 1; k < choice.size(); ++k) {
    const double frequency = choice[k].frequency;
    if (frequency >= least) continue;
    rarest = k;
    least = frequency;
  }
  return rarest;
}

// How often the search would have to look at the phrase if it asked for this segment.
double frequency_of(const compiled_segment& s) {
  double sum = 0;
  for (const auto& choice : s.choices) sum += choice[rarest_word(choice)].frequency;
  return sum;
}

std::size_t rarest_segment(const compiled_phrase& phrase, std::size_t but) {
  std::size_t rarest = SIZE_MAX;
  double least = 0;
  for (std::size_t i = 0; i < phrase.segments.size(); ++i) {
    if (i == but) continue;
    const double frequency = phrase.segments.size() == 1 ? 0 : frequency_of(phrase.segments[i]);
    if (rarest != SIZE_MAX && frequency >= least) continue;
    rarest = i;
    least = frequency;
  }
  return rarest;
}

}  // namespace

void measure(compiled_phrase& phrase, int view) {
  phrase.words = phrase.reach = 0;
  for (compiled_segment& s : phrase.segments) {
    for (auto& choice : s.choices) {
      for (compiled_word& w : choice) {
        w.is_letters = std::all_of(w.text.begin(), w.text.end(), is_folded_letter);
        w.rare = rarest_octet(w.text);
        w.frequency = expected_per_million(w.text, w.has_open_head, w.tail);
      }
    }
    phrase.words += words_of(s);
    phrase.reach += reach_of(s, view == 1 ? U8_MAX_LENGTH : 1);
  }
  phrase.rarest = rarest_segment(phrase, SIZE_MAX);
  for (std::size_t i = 0; i <= phrase.rarest; ++i)
    phrase.reach_before += reach_of(phrase.segments[i], view == 1 ? U8_MAX_LENGTH : 1);
}

namespace {

anchor_word word_at(std::size_t segment, std::size_t choice, std::size_t word) {
  return {static_cast<std::uint16_t>(segment), static_cast<std::uint16_t>(choice),
          static_cast<std::uint16_t>(word)};
}

std::vector<anchor_word> rarest_words(const compiled_phrase& phrase, std::size_t segment) {
  std::vector<anchor_word> out;
  const auto& choices = phrase.segments[segment].choices;
  for (std::size_t c = 0; c < choices.size(); ++c)
    out.push_back(word_at(segment, c, rarest_word(choices[c])));
  return out;
}

}  // namespace

std::vector<anchor_word> anchors_of(const compiled_phrase& phrase) {
  return rarest_words(phrase, phrase.rarest);
}

std::vector<anchor_word> second_anchors_of(const compiled_phrase& phrase) {
  const std::size_t second = rarest_segment(phrase, phrase.rarest);
  return second == SIZE_MAX ? std::vector<anchor_word>{} : rarest_words(phrase, second);
}

std::vector<anchor_word> all_words_of(const compiled_phrase& phrase) {
  std::vector<anchor_word> out;
  for (std::size_t s = 0; s < phrase.segments.size(); ++s) {
    const auto& choices = phrase.segments[s].choices;
    for (std::size_t c = 0; c < choices.size(); ++c)
      for (std::size_t w = 0; w < choices[c].size(); ++w) out.push_back(word_at(s, c, w));
  }
  return out;
}

bool match_anchor(const compiled_phrase& phrase, anchor_word anchor, const searched_text& text,
                  std::size_t end, std::vector<text_range>& places) {
  places.clear();
  return matching{phrase, text, {0, text.sought.size()}}.at_anchor(anchor, end, places);
}

std::vector<text_range> match_phrase(const compiled_phrase& phrase, const searched_text& text,
                                     text_range within) {
  within.end = std::min(within.end, text.sought.size());
  return matching{phrase, text, within}.run();
}

bool has_word_edges(std::string_view text, int view, text_range range) {
  const letter_walk walk{text, view};
  return walk.is_edge_before(range.begin) && walk.is_edge_after(range.end);
}

}  // namespace consentry::filters
