#include "tests/unit/filters/slow_matcher.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "filters/text_view.h"

namespace consentry::tests {
namespace {

using namespace filters;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class matcher {
 public:
  matcher(const slow_pattern& p, const slow_text& text)
      : pattern_{p}, text_{text}, sought_{text.seen} {
    if (text.view == 3) std::replace(sought_.begin(), sought_.end(), 'l', 'i');
  }

  std::vector<text_range> places(const phrase& p) const {
    std::vector<text_range> before;
    for (std::size_t s = 0; s < p.segments.size(); ++s) {
      std::vector<text_range> here;
      for (const auto& choice : p.segments[s].choices) {
        std::vector<text_range> chain = before;
        for (std::size_t k = 0; k < choice.size(); ++k) {
          std::vector<text_range> next;
          for (const text_range& word : places(choice[k])) {
            if (s == 0 && k == 0) {
              next.push_back(word);
              continue;
            }
            std::optional<std::size_t> begin;
            for (const text_range& b : chain) {
              if (!joins(b.end, word.begin, k == 0 && p.segments[s].after_gap)) continue;
              if (!begin || b.begin > *begin) begin = b.begin;
            }
            if (begin) next.push_back({*begin, word.end});
          }
          chain = next;
        }
        here.insert(here.end(), chain.begin(), chain.end());
      }
      before = here;
    }
    return before;
  }

 private:
  bool is_soft(std::size_t at) const {
    return std::find(text_.soft_edges.begin(), text_.soft_edges.end(), at) !=
           text_.soft_edges.end();
  }

  // Octets of the letter that begins (ends) there; 0 if none does.
  std::size_t letter_after(std::size_t i) const {
    if (i >= text_.seen.size()) return 0;
    if (text_.view != 1) return is_folded_letter(text_.seen[i]) ? 1 : 0;
    std::size_t end = i;
    UChar32 c = 0;
    U8_NEXT(text_.seen.data(), end, text_.seen.size(), c);
    return c >= 0 && is_letter(static_cast<char32_t>(c)) ? end - i : 0;
  }
  std::size_t letter_before(std::size_t i) const {
    for (std::size_t n = 1; n <= 4 && n <= i; ++n) {
      if (letter_after(i - n) == n) return n;
    }
    return 0;
  }

  bool is_edge(std::size_t i) const {
    if (i == 0 || i >= text_.seen.size() || is_soft(i)) return true;
    return !(letter_before(i) != 0 && letter_after(i) != 0) &&
           !(is_digit(text_.seen[i - 1]) && is_digit(text_.seen[i]));
  }

  // The places of one word, widened as its marks say.
  std::vector<text_range> places(const phrase_word& w) const {
    std::vector<text_range> out;
    for (auto i = sought_.find(w.text); i != std::string::npos; i = sought_.find(w.text, i + 1)) {
      std::size_t begin = i;
      for (std::size_t n = 0; w.has_open_head && n < head_letters_max; ++n) {
        begin -= letter_before(begin);
      }
      const std::size_t stem_end = i + w.text.size();
      std::size_t end = stem_end;
      for (std::size_t n = 0; w.tail != word_tail::none && n < tail_letters_max && !is_soft(end);
           ++n) {
        end += letter_after(end);
      }
      if (!is_edge(begin) || !is_edge(end)) continue;
      // Short stems take real endings only.
      const bool needs_ending =
          w.tail == word_tail::inflected || (w.tail == word_tail::open && w.text.size() < 5);
      if (needs_ending &&
          !is_inflection(pattern_.language, ascii_folded(text_.seen.substr(i, w.text.size())),
                         ascii_folded(text_.seen.substr(stem_end, end - stem_end)))) {
        continue;
      }
      out.push_back({begin, end});
    }
    return out;
  }

  bool joins(std::size_t end, std::size_t begin, bool is_gap) const {
    const bool touches = begin == end && is_soft(end);
    if (!touches && begin <= end) return false;
    if (begin - end > (is_gap ? gap_octets_max : separator_octets_max)) return false;
    for (std::size_t i = end; i < begin; ++i) {
      if (text_.seen[i] == '\n') return false;
      if (!is_gap && (letter_after(i) != 0 || is_digit(text_.seen[i]))) return false;
    }
    return true;
  }

  const slow_pattern& pattern_;
  const slow_text& text_;
  std::string sought_;
};

std::string singled(const std::string& word) {
  std::string out;
  for (const char c : word) {
    if (out.empty() || c != out.back() || c < 'a' || c > 'z') out += c;
  }
  return out.size() < 5 ? word : out;
}

// Drawn-out letters are read as single ones in view 3.
void add_singled(phrase_segment& s) {
  const auto plain = s.choices;
  for (auto choice : plain) {
    for (phrase_word& w : choice) w.text = singled(w.text);
    s.choices.push_back(std::move(choice));
  }
}

}  // namespace

slow_pattern slow_pattern_of(const pattern& p, int view) {
  slow_pattern out;
  out.language = p.language;
  for (const bool is_allow : {false, true}) {
    for (const pattern_piece& piece : is_allow ? p.allow : p.pieces) {
      if (piece.is_expression) {
        out.has_expressions = true;
        continue;
      }
      out.pieces.push_back({parse_phrase(piece.text, view), is_allow});
      if (view != 3) continue;
      for (phrase_segment& s : out.pieces.back().words.segments) add_singled(s);
    }
  }
  return out;
}

std::vector<text_range> hits_slowly(const slow_pattern& p, const slow_text& text) {
  const matcher m{p, text};
  std::vector<text_range> hits;
  std::vector<text_range> allowed;
  for (const auto& piece : p.pieces) {
    if (piece.is_allow && hits.empty()) return hits;
    auto& to = piece.is_allow ? allowed : hits;
    const auto found = m.places(piece.words);
    to.insert(to.end(), found.begin(), found.end());
  }
  std::erase_if(hits, [&](const text_range& h) {
    return std::any_of(allowed.begin(), allowed.end(),
                       [&](const text_range& a) { return a.begin <= h.begin && h.end <= a.end; });
  });
  return hits;
}

}  // namespace consentry::tests
