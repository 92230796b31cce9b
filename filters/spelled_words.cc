#include "filters/spelled_words.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "filters/text_view.h"

namespace consentry::filters {
namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The letter a sign stands for in leet; the sign itself if for none.
constexpr char leet(char c) {
  switch (c) {
    case '0':
      return 'o';
    case '1':
    case '!':
      return 'i';
    case '3':
      return 'e';
    case '4':
    case '@':
      return 'a';
    case '5':
    case '$':
      return 's';
    case '7':
      return 't';
    case '8':
      return 'b';
    case '9':
      return 'g';
    default:
      return c;
  }
}

// Kinds of characters, by octet.
enum kind : unsigned char { letter = 1, member = 2, joiner = 4, inner_joiner = 8 };

constexpr std::array<unsigned char, 256> kinds = [] {
  std::array<unsigned char, 256> all{};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const char c = static_cast<char>(i);
    if (is_folded_letter(c)) all[i] |= letter | member;
    if (is_digit(c) || leet(c) != c) all[i] |= member;
    // Signs that stand between the letters of a word that is to be hidden.
    if (std::string_view{".-_*+'`^~|/\\,:;\"=#\x1c"}.find(c) != std::string_view::npos)
      all[i] |= joiner;
    // Those that may stand inside an unspaced word without being a mark of punctuation.
    if (std::string_view{".-_*+'`^~|\x1c"}.find(c) != std::string_view::npos)
      all[i] |= inner_joiner;
  }
  static_assert(sign_placeholder == '\x1c');
  return all;
}();

bool is(char c, kind k) {
  return (kinds[static_cast<unsigned char>(c)] & k) != 0;
}
bool is_member(char c) {
  return is(c, member);
}

// sz, cs, gy, ly, ny, ty, zs, dz.
constexpr bool is_digraph(char first, char second) {
  switch (second) {
    case 'z':
      return first == 's' || first == 'd';
    case 's':
      return first == 'c' || first == 'z';
    case 'y':
      return first == 'g' || first == 'l' || first == 'n' || first == 't';
    default:
      return false;
  }
}

constexpr std::size_t near_octets = 4;

class joining {
 public:
  explicit joining(std::string_view text) : text_{text} {}

  joined_words run() {
    out_.text.reserve(text_.size());
    while (at_ < text_.size()) {
      if (!is_member(text_[at_]) || plain_word()) {
        ++at_;
      } else if (!spelled()) {
        word();
      }
    }
    write_copied();
    return std::move(out_);
  }

 private:
  // The next n octets stay as they are.
  void copy(std::size_t n) { at_ += n; }

  // All that was copied since the last change.
  void write_copied() {
    if (at_ > copied_) out_.append(text_.substr(copied_, at_ - copied_), copied_, at_ - copied_);
    copied_ = at_;
  }

  void note_change(std::size_t length) {
    const std::size_t begin = out_.text.size();
    if (out_.changed.empty() || out_.changed.back().second + near_octets < begin) {
      out_.changed.emplace_back(begin, begin);
    }
    out_.changed.back().second = begin + length;
  }

  void replace(std::string_view by, std::size_t n) {
    write_copied();
    note_change(by.size());
    out_.append(by, at_, n);
    at_ += n;
    copied_ = at_;
  }

  // Most words: three letters and more, none tripled, nothing else in it. Stands then at its end.
  bool plain_word() {
    std::size_t end = at_;
    bool is_tripled = false;
    for (; end < text_.size() && is(text_[end], letter); ++end) {
      is_tripled = is_tripled ||
                   (end >= at_ + 2 && text_[end] == text_[end - 1] && text_[end] == text_[end - 2]);
    }
    if (end < at_ + 3 || is_tripled) return false;
    if (end < text_.size() && is_member(text_[end])) return false;
    if (inner_signs(end) != 0) return false;
    at_ = end - 1;
    return true;
  }

  // Octets of what stands there between two letters of an unspaced word: a sign, or the doubled
  // mark of Markdown ("ka**szi**no"); 0 if nothing does.
  std::size_t inner_signs(std::size_t i) const {
    if (i >= text_.size() || !is(text_[i], inner_joiner)) return 0;
    if (i + 1 < text_.size() && is_member(text_[i + 1])) return 1;
    const bool is_doubled = i + 2 < text_.size() && text_[i + 1] == text_[i] &&
                            std::string_view{"*_~"}.find(text_[i]) != std::string_view::npos;
    return is_doubled && is_member(text_[i + 2]) ? 2 : 0;
  }

  // Length of a letter (or digraph) that stands alone at i; 0 if none does.
  std::size_t lone_letter(std::size_t i) const {
    if (i >= text_.size() || !is_member(text_[i])) return 0;
    const auto ends = [&](std::size_t end) {
      return end >= text_.size() || !is_member(text_[end]) || text_[end] == '!';
    };
    if (ends(i + 1)) return 1;
    if (i + 1 < text_.size() && is_digraph(text_[i], text_[i + 1]) && ends(i + 2)) return 2;
    return 0;
  }

  // What stands between two letters of a word: a blank, a sign, or a sign with blanks about it.
  struct separator {
    std::size_t octets = 0;
    bool has_sign = false;
    friend bool operator==(const separator&, const separator&) = default;
  };
  separator separator_at(std::size_t i) const {
    separator s;
    const auto at = [&](std::size_t n) { return i + n < text_.size() ? text_[i + n] : '\n'; };
    if (at(0) == ' ') ++s.octets;
    if (is(at(s.octets), joiner)) {
      s.has_sign = true;
      ++s.octets;
      if (at(s.octets) == ' ') ++s.octets;
    }
    return s;
  }

  struct spelled_word {
    std::size_t end = 0;
    std::size_t count = 0;    // letters and digraphs
    std::size_t letters = 0;  // of these, no figures
    std::size_t last = 0;     // where the last begins
    bool has_signs = false;
  };
  // From at_ on; the same kind of separator between each two, so that the next word is another.
  spelled_word spelled_at() const {
    spelled_word w;
    std::size_t count = 0;
    std::size_t letters = 0;
    separator between;
    for (std::size_t i = at_;;) {
      const std::size_t n = lone_letter(i);
      if (n == 0) break;
      ++count;
      letters += is(text_[i], letter) ? 1 : 0;
      if (text_[i] != '!') w = {i + n, count, letters, i, between.has_sign};
      const separator next = separator_at(i + n);
      if (next.octets == 0 || (count > 1 && next != between)) break;
      between = next;
      i += n + next.octets;
    }
    return w;
  }

  // Two letters are a word where all words are spelled out, two blanks between them.
  bool stands_apart(std::size_t begin, std::size_t end) const {
    const bool blanks_before = begin >= 2 && text_.substr(begin - 2, 2) == "  ";
    const bool blanks_after = text_.substr(end, 2) == "  ";
    const bool begins = blanks_before || begin == 0 || text_[begin - 1] == '\n';
    const bool ends = blanks_after || end == text_.size() ||
                      std::string_view{"\n.,!?"}.find(text_[end]) != std::string_view::npos;
    return begins && ends && (blanks_before || blanks_after);
  }

  bool is_word(std::size_t letter_begin, std::size_t letter_end) const {
    return letter_end - letter_begin == 1 &&
           std::string_view{"aeios"}.find(text_[letter_begin]) != std::string_view::npos;
  }

  // s z e x, s.z.e.x, s - z - e - x: three lone letters or more. Two blanks end it.
  bool spelled() {
    if (text_[at_] == '!' || lone_letter(at_) == 0) return false;
    const spelled_word w = spelled_at();
    if (w.count < 3 && !(w.count == 2 && stands_apart(at_, w.end))) return false;
    if (w.letters * 3 < w.count) {  // figures; passed over whole, or a table of them costs a square
      copy(w.end - at_);
      return true;
    }
    const bool may_hold_words = !w.has_signs && w.count > 3;
    const std::size_t second = at_ + lone_letter(at_);
    if (may_hold_words && is_word(at_, second)) {
      one_letter();
      note_soft_edge();
    }
    while (at_ < w.last) one_letter();
    if (may_hold_words && is_word(w.last, w.end)) note_soft_edge();
    while (at_ < w.end) one_letter();
    return true;
  }

  void note_soft_edge() { out_.soft_edges.push_back(out_.text.size() + at_ - copied_); }

  // Whether a number at the end of a word is leet: "recru17", "4d07", "h4l0z473p1703", "cs@p@707";
  // not "Galaxy A55", nor "v1agra50".
  bool may_be_letters(std::size_t word, std::size_t number, std::size_t end) const {
    const auto is_figure = [](char c) { return is_member(c) && leet(c) != c; };
    const auto before = text_.substr(word, number - word);
    const auto digits = text_.substr(number, end - number);
    if (before.size() == 2) return true;
    if (before.size() < 2 || digits.size() > 3) return false;
    if (!std::all_of(digits.begin(), digits.end(), is_figure)) return false;
    const auto is_sign = [](char c) { return c == '@' || c == '$'; };
    return std::count_if(before.begin(), before.end(), is_figure) > 2 ||
           std::count_if(before.begin(), before.end(), is_sign) > 1 ||
           (digits.size() == 2 && digits.back() != '0');
  }

  // Digests, tracking ids and UUIDs: twelve hexadecimal digits or more. Read as leet some of them
  // would hold a word by chance ("c725e9be98").
  bool is_serial(std::size_t begin, std::size_t end) const {
    constexpr std::size_t serial_min = 12;
    if (end - begin < serial_min) return false;
    return std::all_of(&text_[begin], &text_[begin] + (end - begin),
                       [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || c == '-'; });
  }

  // A word as written, signs inside it dropped, leet read, tripled letters made single.
  void word() {
    std::size_t end = at_;
    std::size_t letters = 0;
    std::size_t members = 0;
    while (end < text_.size()) {
      if (is_member(text_[end])) {
        letters += is(text_[end], letter) ? 1 : 0;
        ++members;
        ++end;
      } else if (const std::size_t signs = inner_signs(end); signs != 0) {
        end += signs;
      } else {
        break;
      }
    }
    // Marks of punctuation at its end are no letters, nor are most numbers of two digits and more.
    std::size_t tail = end;
    while (tail > at_ && text_[tail - 1] == '!') --tail;
    std::size_t number = tail;
    while (number > at_ && is_digit(text_[number - 1])) --number;
    if (tail - number >= 2 && !may_be_letters(at_, number, tail)) {
      members -= tail - number;
      tail = number;
    }
    if (letters * 5 < members || letters == 0 || is_serial(at_, end)) {
      copy(end - at_);
      return;
    }
    while (at_ < tail) {
      std::size_t run = 1;
      while (at_ + run < tail && text_[at_ + run] == text_[at_]) ++run;
      if (is_member(text_[at_]) && run >= 3) {  // single: patterns know their doubles as single too
        const char c = leet(text_[at_]);
        replace({&c, 1}, run);
      } else {
        for (; run > 0; --run) one_letter();
      }
    }
    copy(end - at_);
  }

  // A letter as it is meant, a sign between letters not at all.
  void one_letter() {
    const char c = leet(text_[at_]);
    if (is_member(text_[at_]) && c == text_[at_]) {
      copy(1);
    } else {
      replace(is_member(text_[at_]) ? std::string_view{&c, 1} : std::string_view{}, 1);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;  // up to there all is written
  joined_words out_;
};

}  // namespace

joined_words join_spelled_words(std::string_view folded) {
  return joining{folded}.run();
}

}  // namespace consentry::filters
