#include "filters/spelled_words.h"

#include <algorithm>
#include <string>
#include <utility>

#include "filters/text_view.h"

namespace consentry::filters {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The letter a sign stands for in leet; the sign itself if for none.
char leet(char c) {
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

bool is_leet(char c) {
  return leet(c) != c;
}
bool is_member(char c) {
  return is_folded_letter(c) || is_digit(c) || is_leet(c);
}
// Signs that stand between the letters of a word that is to be hidden.
bool is_joiner(char c) {
  constexpr std::string_view joiners = ".-_*+'`^~|/\\,:;\"=#";
  return joiners.find(c) != std::string_view::npos;
}
// Those that may stand inside an unspaced word without being a mark of punctuation.
bool is_inner_joiner(char c) {
  constexpr std::string_view joiners = ".-_*+'`^~|";
  return joiners.find(c) != std::string_view::npos;
}

bool is_digraph(std::string_view two) {
  constexpr std::string_view digraphs[] = {"sz", "cs", "gy", "ly", "ny", "ty", "zs", "dz"};
  return std::find(std::begin(digraphs), std::end(digraphs), two) != std::end(digraphs);
}

class joining {
 public:
  explicit joining(std::string_view text) : text_{text} {}

  mapped_text run() {
    out_.text.reserve(text_.size());
    while (at_ < text_.size()) {
      if (!is_member(text_[at_])) {
        copy(1);
      } else if (!spelled()) {
        word();
      }
    }
    return std::move(out_);
  }

 private:
  void copy(std::size_t n) {
    out_.append(text_.substr(at_, n), at_, n);
    at_ += n;
  }

  // Length of a letter (or digraph) that stands alone at i; 0 if none does.
  std::size_t lone_letter(std::size_t i) const {
    if (i >= text_.size() || !is_member(text_[i])) return 0;
    const auto ends = [&](std::size_t end) {
      return end >= text_.size() || !is_member(text_[end]) || text_[end] == '!';
    };
    if (ends(i + 1)) return 1;
    if (i + 1 < text_.size() && is_digraph(text_.substr(i, 2)) && ends(i + 2)) return 2;
    return 0;
  }

  // s z e x, s.z.e.x: three lone letters or more, one sign between each two. Two blanks end it.
  bool spelled() {
    if (lone_letter(at_) == 0) return false;
    std::size_t letters = 0;
    std::size_t count = 0;
    std::size_t end = at_;
    for (std::size_t i = at_;;) {
      const std::size_t n = lone_letter(i);
      if (n == 0) break;
      ++count;
      letters += is_folded_letter(text_[i]) ? 1 : 0;
      end = i + n;
      if (end >= text_.size() || !(text_[end] == ' ' || is_joiner(text_[end]))) break;
      i = end + 1;
    }
    if (count < 3) return false;
    if (letters * 2 < count) {  // figures; passed over whole, or a table of them costs a square
      copy(end - at_);
      return true;
    }
    for (; at_ < end; ++at_) {
      if (!is_member(text_[at_])) continue;
      const char c = leet(text_[at_]);
      out_.append({&c, 1}, at_, 1);
    }
    return true;
  }

  // A word as written, signs inside it dropped, leet read, tripled letters made single.
  void word() {
    std::size_t end = at_;
    std::size_t letters = 0;
    std::size_t members = 0;
    while (end < text_.size()) {
      if (is_folded_letter(text_[end]) || is_digit(text_[end]) || is_leet(text_[end])) {
        letters += is_folded_letter(text_[end]) ? 1 : 0;
        ++members;
        ++end;
      } else if (is_inner_joiner(text_[end]) && end + 1 < text_.size() &&
                 is_member(text_[end + 1])) {
        ++end;
      } else {
        break;
      }
    }
    // Marks of punctuation at its end, and a number of two digits and more, are no letters.
    std::size_t tail = end;
    while (tail > at_ && text_[tail - 1] == '!') --tail;
    std::size_t number = tail;
    while (number > at_ && is_digit(text_[number - 1])) --number;
    if (tail - number >= 2) {
      members -= tail - number;
      tail = number;
    }
    if (letters * 2 < members || letters == 0) {
      copy(end - at_);
      return;
    }
    while (at_ < tail) {
      const char c = text_[at_];
      if (!is_member(c)) {
        ++at_;
        continue;
      }
      const char letter = leet(c);
      std::size_t run = 1;
      while (at_ + run < tail && text_[at_ + run] == c) ++run;
      const std::size_t shown = run >= 3 ? 1 : run;
      if (shown == run) {
        for (std::size_t i = 0; i < run; ++i) out_.append({&letter, 1}, at_ + i, 1);
      } else {
        out_.append({&letter, 1}, at_, run);
      }
      at_ += run;
    }
    copy(end - at_);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  mapped_text out_;
};

}  // namespace

mapped_text join_spelled_words(std::string_view folded) {
  return joining{folded}.run();
}

}  // namespace consentry::filters
