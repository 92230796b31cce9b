#include "filters/content_fingerprint.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/text.h"
#include "filters/link_extract.h"
#include "filters/message_texts.h"
#include "filters/text_view.h"

namespace consentry::filters {
namespace {

constexpr std::size_t digest_bytes = 16;
constexpr std::size_t name_letters_min = 2;

struct word {
  std::string folded;
  bool has_digit = false;
  bool is_capitalised = false;  // begins with a capital and is not all of them
  std::size_t letters = 0;
};

// The words of a text: runs of letters, marks and digits.
template <class Take>
void each_word(std::string_view text, Take take) {
  std::size_t begin = 0, capitals = 0, letters = 0;
  bool has_digit = false, first_is_capital = false;
  const auto end_word = [&](std::size_t end) {
    if (end > begin && (letters != 0 || has_digit))
      take(word{.folded = ascii_folded(text.substr(begin, end - begin)),
                .has_digit = has_digit,
                .is_capitalised = first_is_capital && (capitals < letters || letters == 1),
                .letters = letters});
    capitals = letters = 0;
    has_digit = first_is_capital = false;
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto at = i;
    UChar32 c = 0;
    U8_NEXT(text.data(), i, text.size(), c);
    if (c >= 0 && (u_isalpha(c) || u_isdigit(c) || (u_charType(c) == U_NON_SPACING_MARK))) {
      if (u_isalpha(c)) {
        const bool is_capital = u_isupper(c) || u_istitle(c);
        if (letters == 0) first_is_capital = is_capital;
        capitals += is_capital ? 1 : 0;
        ++letters;
      }
      has_digit = has_digit || u_isdigit(c);
      continue;
    }
    end_word(at);
    begin = i;
  }
  end_word(text.size());
}

// Names that the message itself gives its readers: display names and local parts of To and Cc.
std::set<std::string> names_of_readers(const smtp::mime::walked_message& mail) {
  std::set<std::string> out;
  for (const auto& h : mail.headers) {
    if (!ascii_iequals(h.name, "to") && !ascii_iequals(h.name, "cc")) continue;
    for (const auto piece : split(h.text, ' ')) {
      // Of an address only what stands before the @.
      each_word(piece.substr(0, piece.find('@')), [&](const word& w) {
        if (w.letters >= name_letters_min) out.insert(w.folded);
      });
    }
  }
  return out;
}

class fingerprinting {
 public:
  explicit fingerprinting(const smtp::mime::walked_message& mail)
      : names_{names_of_readers(mail)}, texts_{gather_texts(mail, {})} {}

  content_fingerprint run() {
    for (const auto& t : texts_.texts)
      if (t.where == zone::subject || t.where == zone::body) read(t.seen);
    // A mail of pictures only is told by where they lead to.
    if (words_ == 0)
      for (const auto& [part, l] : texts_.links) add(l.host);
    content_fingerprint out;
    out.digest = std::string{as_bytes(sha256(kept_)).substr(0, digest_bytes)};
    out.words = words_;
    return out;
  }

 private:
  void add(std::string_view w) {
    kept_ += w;
    kept_ += ' ';
    ++words_;
  }

  void read(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
      const auto end = std::min(text.find_first_of(" \t\r\n", at), text.size());
      if (end > at) chunk(text.substr(at, end - at));
      at = end + 1;
    }
  }

  void chunk(std::string_view c) {
    if (c.find("://") != std::string_view::npos || ascii_istarts_with(c, "www.")) {
      // Of a URL the host stays: path and query lead to this reader's own page.
      for (const auto& l : links_of_text(c)) add(l.host);
      return;
    }
    if (c.find('@') != std::string_view::npos) return;
    each_word(c, [&](const word& w) {
      if (!w.has_digit && !w.is_capitalised && !names_.contains(w.folded)) add(w.folded);
    });
  }

  std::set<std::string> names_;
  message_texts texts_;
  std::string kept_;
  std::size_t words_ = 0;
};

}  // namespace

content_fingerprint fingerprint_of(const smtp::mime::walked_message& mail) {
  return fingerprinting{mail}.run();
}

}  // namespace consentry::filters
