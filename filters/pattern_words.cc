#include "filters/pattern_words.h"

#include <unordered_set>

#include "base/text.h"
#include "filters/text_view.h"

namespace consentry::filters {
namespace {

constexpr std::size_t alternatives_max = 500;

// Letters as a class, for tails and heads inside a phrase. View 1 is UTF-8 without UCP, so letters
// beyond ASCII are given as a range.
std::string letters(int view, std::size_t most) {
  const std::string set = view == 1 ? "[a-z\\x{df}-\\x{24f}]" : "[a-z\\x1a]";
  return set + "{0," + std::to_string(most) + "}";
}

std::string separator(int view) {
  return view == 1 ? "[^a-z0-9\\x{df}-\\x{24f}\\n]{1,4}" : "[^a-z0-9\\x1a\\n]{1,4}";
}

std::string gap(int view) {
  const std::string edge = view == 1 ? "[^a-z0-9\\x{df}-\\x{24f}\\n]" : "[^a-z0-9\\x1a\\n]";
  return edge + "(?:[^\\n]{0,60}" + edge + ")?";
}

void escape(std::string& out, char c) {
  if (std::string_view{"\\^$.|?*+()[]{}"}.find(c) != std::string_view::npos) out += '\\';
  out += c;
}

struct token {
  std::string base;
  bool has_open_head = false;
  word_tail tail = word_tail::none;
};

token read_token(std::string_view text) {
  token t;
  if (text.starts_with('~')) {
    t.has_open_head = true;
    text.remove_prefix(1);
  }
  if (text.ends_with('~')) {
    t.tail = word_tail::open;
    text.remove_suffix(1);
  } else if (text.ends_with('+')) {
    t.tail = word_tail::inflected;
    text.remove_suffix(1);
  }
  if (text.empty()) throw std::invalid_argument{"a word without letters"};
  if (text.find_first_of("~+") != std::string_view::npos) {
    throw std::invalid_argument{"~ and + stand only at the ends of a word"};
  }
  t.base = text;
  return t;
}

// The word in the alphabet of the view, as an expression; `varies` where matches differ in length.
std::string base_expression(const token& t, int view, bool& varies, std::size_t& octets) {
  std::string folded = view == 1 ? case_folded(t.base) : ascii_folded(t.base);
  if (view == 3) {
    std::erase_if(folded, [](char c) {
      return std::string_view{".-_*'`^~|"}.find(c) != std::string_view::npos;
    });
  }
  if (folded.empty()) throw std::invalid_argument{"a word without letters"};
  octets = folded.size();
  std::string out;
  for (std::size_t i = 0; i < folded.size(); ++i) {
    const bool is_last = i + 1 == folded.size();
    if (view == 3 && folded[i] == 'l') {
      out += "[li]";  // 1 may have been meant for either
    } else if (view == 1 && is_last && t.tail != word_tail::none && folded[i] == 'a') {
      out += "(?:a|á)";  // munka, munkát (RULES F4)
      varies = true;
    } else if (view == 1 && is_last && t.tail != word_tail::none && folded[i] == 'e') {
      out += "(?:e|é)";
      varies = true;
    } else {
      escape(out, folded[i]);
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> expand_alternatives(std::string_view words) {
  std::vector<std::string> out{""};
  while (!words.empty()) {
    const auto open = words.find('{');
    for (std::string& s : out) s.append(words.substr(0, open));
    if (open == std::string_view::npos) break;
    const auto close = words.find('}', open);
    if (close == std::string_view::npos) throw std::invalid_argument{"{ without }"};
    std::vector<std::string> longer;
    for (const std::string_view choice : split(words.substr(open + 1, close - open - 1), ',')) {
      for (const std::string& s : out) longer.push_back(s + std::string{choice});
    }
    out = std::move(longer);
    if (out.size() > alternatives_max) throw std::invalid_argument{"more than 500 alternatives"};
    words.remove_prefix(close + 1);
  }
  return out;
}

word_expression compile_words(std::string_view words, int view) {
  word_expression out;
  const auto pieces = split(words, ' ');
  bool varies = false;
  bool after_gap = true;
  bool is_first = true;
  word_tail pending = word_tail::none;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].empty()) throw std::invalid_argument{"more than one blank between words"};
    if (pieces[i] == "..") {
      if (is_first || after_gap || i + 1 == pieces.size()) {
        throw std::invalid_argument{".. stands only between two words"};
      }
      if (pending != word_tail::none) out.expression += letters(view, tail_letters_max);
      out.expression += gap(view);
      pending = word_tail::none;
      after_gap = true;
      continue;
    }
    const token t = read_token(pieces[i]);
    std::size_t octets = 0;
    const std::string base = base_expression(t, view, varies, octets);
    if (is_first) {
      out.has_open_head = t.has_open_head;
    } else {
      if (!after_gap) {
        if (pending != word_tail::none) out.expression += letters(view, tail_letters_max);
        out.expression += separator(view);
      }
      if (t.has_open_head) out.expression += letters(view, head_letters_max);
      varies = true;
    }
    out.expression += base;
    out.fixed_octets = octets;
    pending = t.tail;
    after_gap = is_first = false;
  }
  out.tail = pending;
  out.is_single = pieces.size() == 1;
  if (varies) out.fixed_octets = 0;
  return out;
}

namespace {

const std::unordered_set<std::string>& hungarian_endings() {
  static const std::unordered_set<std::string> all = [] {
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
    std::unordered_set<std::string> set;
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
  if (hungarian_endings().contains(std::string{ending})) return true;
  // kaszinóval but hitellel, viszonnyal: the v takes the last consonant's sound.
  if (ending.size() == 3 && !stem.empty() && ending[0] == stem.back() &&
      (ending.substr(1) == "al" || ending.substr(1) == "el")) {
    return true;
  }
  return false;
}

}  // namespace consentry::filters
