#include "filters/pattern_words.h"

#include <algorithm>
#include <functional>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "filters/text_view.h"

namespace consentry::filters {
namespace {

constexpr std::size_t choices_max = 500;  // of one word
constexpr std::size_t word_octets_max = 255;

// "{a,b}c" as "ac", "bc".
std::vector<std::string> expand(std::string_view text) {
  std::vector<std::string> out{""};
  while (!text.empty()) {
    const auto open = text.find('{');
    for (std::string& s : out) s.append(text.substr(0, open));
    if (open == std::string_view::npos) break;
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) throw std::invalid_argument{"{ without }"};
    std::vector<std::string> longer;
    for (const std::string_view choice : split(text.substr(open + 1, close - open - 1), ',')) {
      for (const std::string& s : out) longer.push_back(s + std::string{choice});
    }
    out = std::move(longer);
    if (out.size() > choices_max) throw std::invalid_argument{"more than 500 choices"};
    text.remove_prefix(close + 1);
  }
  return out;
}

// At blanks, but not inside of braces.
std::vector<std::string_view> split_words(std::string_view words) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  bool is_inside = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == '{') is_inside = true;
    if (words[i] == '}') is_inside = false;
    if (words[i] == ' ' && !is_inside) {
      out.push_back(words.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  out.push_back(words.substr(begin));
  return out;
}

// The words that one written word stands for in the view: two where its last vowel may lengthen
// before an ending (munka, munkát; RULES F4) and the view keeps accents.
std::vector<phrase_word> make_words(std::string_view text, int view, bool has_open_head,
                                    word_tail tail) {
  if (text.find_first_of("~+{}") != std::string_view::npos) {
    throw std::invalid_argument{"~ and + stand only at the ends of a word"};
  }
  std::string folded = view == 1 ? case_folded(text) : ascii_folded(text);
  if (view == 3) {
    std::erase_if(folded, [](char c) {
      return std::string_view{".-_*'`^~|"}.find(c) != std::string_view::npos;
    });
  }
  if (folded.empty()) throw std::invalid_argument{"a word without letters"};
  if (folded.size() > word_octets_max)
    throw std::invalid_argument{"a word of more than 255 octets"};
  // A 1, a capital I or an l may have been meant for one another.
  if (view == 3) std::replace(folded.begin(), folded.end(), 'l', 'i');
  std::vector<phrase_word> out{{folded, has_open_head, tail}};
  if (view == 1 && tail != word_tail::none && (folded.back() == 'a' || folded.back() == 'e')) {
    const bool is_a = folded.back() == 'a';
    folded.pop_back();
    out.push_back({folded + (is_a ? "á" : "é"), has_open_head, tail});
  }
  return out;
}

// One written word with its marks: "~{a,b c}+".
phrase_segment make_segment(std::string_view text, int view) {
  bool has_open_head = false;
  word_tail tail = word_tail::none;
  if (text.starts_with('~')) {
    has_open_head = true;
    text.remove_prefix(1);
  }
  if (text.ends_with('~') || text.ends_with('+')) {
    tail = text.back() == '~' ? word_tail::open : word_tail::inflected;
    text.remove_suffix(1);
  }
  if (text.empty()) throw std::invalid_argument{"a word without letters"};
  phrase_segment out;
  if (text.find('{') == std::string_view::npos) {
    for (phrase_word& w : make_words(text, view, has_open_head, tail))
      out.choices.emplace_back().push_back(std::move(w));
    return out;
  }
  for (const std::string& choice : expand(text)) {
    const auto words = split(choice, ' ');
    if (words.size() == 1) {
      for (phrase_word& w : make_words(choice, view, has_open_head, tail))
        out.choices.emplace_back().push_back(std::move(w));
      continue;
    }
    std::vector<std::vector<phrase_word>> chains{{}};
    for (std::size_t i = 0; i < words.size(); ++i) {
      const bool is_last = i + 1 == words.size();
      const auto variants =
          make_words(words[i], view, i == 0 && has_open_head, is_last ? tail : word_tail::none);
      std::vector<std::vector<phrase_word>> longer;
      for (const auto& chain : chains) {
        for (const phrase_word& v : variants) {
          longer.push_back(chain);
          longer.back().push_back(v);
        }
      }
      chains = std::move(longer);
    }
    out.choices.insert(out.choices.end(), chains.begin(), chains.end());
  }
  return out;
}

}  // namespace

phrase parse_phrase(std::string_view words, int view) {
  phrase out;
  const auto pieces = split_words(words);
  bool after_gap = false;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].empty()) throw std::invalid_argument{"more than one blank between words"};
    if (pieces[i] == "..") {
      if (after_gap || i == 0 || i + 1 == pieces.size()) {
        throw std::invalid_argument{".. stands only between two words"};
      }
      after_gap = true;
      continue;
    }
    out.segments.push_back(make_segment(pieces[i], view));
    out.segments.back().after_gap = after_gap;
    after_gap = false;
  }
  out.is_single = out.segments.size() == 1;
  for (const auto& choice : out.segments.front().choices) {
    if (choice.size() > 1) out.is_single = false;
  }
  return out;
}

namespace {

struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const noexcept {
    return std::hash<std::string_view>{}(s);
  }
};
using endings = std::unordered_set<std::string, text_hash, std::equal_to<>>;

const endings& hungarian_endings() {
  static const endings all = [] {
    const std::vector<std::string> persons = {
        "",      "k",    "ok",    "ek",    "ak",  "m",    "om",   "em",   "am",   "d",    "od",
        "ed",    "ad",   "a",     "e",     "ja",  "je",   "nk",   "unk",  "tok",  "otok", "etek",
        "atok",  "uk",   "juk",   "i",     "ai",  "ei",   "jai",  "jei",  "im",   "aim",  "eim",
        "jaim",  "jeim", "id",    "aid",   "eid", "jaid", "jeid", "ink",  "aink", "eink", "jaink",
        "jeink", "itok", "aitok", "eitek", "ik",  "aik",  "eik",  "jaik", "jeik"};
    const std::vector<std::string> cases = {
        "",    "t",   "ot",  "et",  "at",  "nak", "nek",  "val", "vel", "kal", "kel",
        "mal", "mel", "dal", "del", "ert", "ig",  "kent", "ban", "ben", "ba",  "be",
        "bol", "n",   "on",  "en",  "an",  "ra",  "re",   "rol", "nal", "nel", "hoz",
        "hez", "tol", "kor", "va",  "ve",  "ka",  "ke",   "ei"};
    endings set;
    for (const auto& p : persons) {
      for (const auto& c : cases) set.insert(p + c);
    }
    return set;
  }();
  return all;
}

}  // namespace

bool is_inflection(std::string_view language, std::string_view stem, std::string_view ending) {
  if (ending.empty()) return true;
  if (language == "en") {
    for (const std::string_view e : {"s", "es", "d", "ed", "ing", "er", "ers"}) {
      if (ending == e) return true;
    }
    return false;
  }
  if (hungarian_endings().contains(ending)) return true;
  // kaszinóval but hitellel, viszonnyal: the v takes the last consonant's sound.
  if (ending.size() == 3 && !stem.empty() && ending[0] == stem.back() &&
      (ending.substr(1) == "al" || ending.substr(1) == "el")) {
    return true;
  }
  return false;
}

}  // namespace consentry::filters
