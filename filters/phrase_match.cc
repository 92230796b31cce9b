#include "filters/phrase_match.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "filters/text_view.h"

namespace consentry::filters {
namespace {

constexpr std::size_t unedged_letters_min = 7;

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

class matching {
 public:
  matching(const compiled_phrase& p, const string_hits& hits, std::string_view text, int view,
           bool is_link)
      : phrase_{p}, hits_{hits}, text_{text}, view_{view}, is_link_{is_link}, walk_{text, view} {}

  std::vector<text_range> run() {
    for (const compiled_segment& s : phrase_.segments) {
      if (!has_hits(s)) return {};
    }
    std::vector<text_range> before;
    for (std::size_t i = 0; i < phrase_.segments.size(); ++i) {
      const compiled_segment& s = phrase_.segments[i];
      std::vector<text_range> here;
      for (const auto& choice : s.choices) {
        std::vector<text_range> chain = before;
        for (std::size_t k = 0; k < choice.size(); ++k) {
          const bool is_first = i == 0 && k == 0;
          chain = step(choice[k], is_first ? nullptr : &chain, k == 0 && s.after_gap);
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

 private:
  bool has_hits(const compiled_segment& s) const {
    return std::any_of(s.choices.begin(), s.choices.end(), [&](const auto& choice) {
      return std::all_of(choice.begin(), choice.end(),
                         [&](const compiled_word& w) { return !hits_.of(w.string).empty(); });
    });
  }

  // The places of a word that follow one of those before (nullptr: it is the first word).
  std::vector<text_range> step(const compiled_word& w, const std::vector<text_range>* before,
                               bool after_gap) const {
    std::vector<text_range> out;
    if (before != nullptr && before->empty()) return out;
    for (const std::uint32_t end : hits_.of(w.string)) {
      const auto place = widened(w, end - w.octets, end);
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

  // With the head and tail that the word allows; nullopt where its edges are no edges of a word.
  std::optional<text_range> widened(const compiled_word& w, std::size_t begin,
                                    std::size_t end) const {
    if (is_link_ && phrase_.is_single && end - begin >= unedged_letters_min) {
      return text_range{begin, end};
    }
    std::size_t first = begin;
    for (std::size_t n = 0; w.has_open_head && n < head_letters_max; ++n) {
      const std::size_t octets = walk_.before(first);
      if (octets == 0) break;
      first -= octets;
    }
    if (!walk_.is_edge_before(first)) return std::nullopt;
    std::size_t last = end;
    for (std::size_t n = 0; w.tail != word_tail::none && n < tail_letters_max; ++n) {
      const std::size_t octets = walk_.after(last);
      if (octets == 0) break;
      last += octets;
    }
    if (!walk_.is_edge_after(last)) return std::nullopt;
    if (w.tail == word_tail::inflected && last != end) {
      const std::string_view stem = text_.substr(begin, end - begin);
      const std::string_view ending = text_.substr(end, last - end);
      const bool ok =
          view_ == 1 ? is_inflection(phrase_.language, ascii_folded(stem), ascii_folded(ending))
                     : is_inflection(phrase_.language, stem, ending);
      if (!ok) return std::nullopt;
    }
    return text_range{first, last};
  }

  // Begin of the shortest phrase so far that the word at `begin` goes on.
  std::optional<std::size_t> joined(const std::vector<text_range>& before, std::size_t begin,
                                    bool after_gap) const {
    const std::size_t most = after_gap ? gap_octets_max : separator_octets_max;
    std::optional<std::size_t> best;
    auto at =
        std::lower_bound(before.begin(), before.end(), begin,
                         [](const text_range& r, std::size_t value) { return r.end < value; });
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
    const std::string_view between = text_.substr(begin, end - begin);
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
  const string_hits& hits_;
  std::string_view text_;
  int view_;
  bool is_link_;
  letter_walk walk_;
};

}  // namespace

string_hits::string_hits(std::size_t string_count, const std::vector<raw>& hits)
    : starts_(string_count + 1, 0), ends_(hits.size()) {
  for (const raw& h : hits) ++starts_[h.string + 1];
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  std::vector<std::uint32_t> next{starts_.begin(), starts_.end() - 1};
  for (const raw& h : hits) ends_[next[h.string]++] = h.end;  // the engine reports by end
}

std::vector<text_range> match_phrase(const compiled_phrase& phrase, const string_hits& hits,
                                     std::string_view text, int view, bool is_link) {
  return matching{phrase, hits, text, view, is_link}.run();
}

bool has_word_edges(std::string_view text, int view, text_range range) {
  const letter_walk walk{text, view};
  return walk.is_edge_before(range.begin) && walk.is_edge_after(range.end);
}

}  // namespace consentry::filters
