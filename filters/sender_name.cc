#include "filters/sender_name.h"

#include <algorithm>
#include <string>
#include <vector>

#include "filters/text_view.h"

namespace consentry::filters {
namespace {

using words = std::vector<std::string>;

// Legal forms as people write them, folded; one line a form.
const std::vector<std::vector<words>>& legal_forms() {
  static const std::vector<std::vector<words>> forms{
      {{"kft"}, {"korlatolt", "felelossegu", "tarsasag"}, {"ltd"}, {"limited"}, {"llc"}, {"gmbh"}},
      {{"zrt"}, {"zartkoruen", "mukodo", "reszvenytarsasag"}},
      {{"nyrt"}, {"nyilvanosan", "mukodo", "reszvenytarsasag"}, {"plc"}},
      {{"rt"}, {"reszvenytarsasag"}, {"ag"}},
      {{"bt"}, {"beteti", "tarsasag"}},
      {{"kkt"}, {"kozkereseti", "tarsasag"}},
      {{"ev"}, {"e", "v"}, {"egyeni", "vallalkozo"}},
      {{"ec"}, {"e", "c"}, {"egyeni", "ceg"}},
      {{"inc"}, {"incorporated"}, {"corp"}, {"corporation"}},
  };
  return forms;
}

bool is_joining(std::string_view word) {
  return word == "es" || word == "and" || word == "und" || word == "és";
}

// In view 2 other alphabets are placeholders only, so names written in them are compared in view 1.
words words_of(std::string_view text, int view) {
  words out;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty() && !is_joining(word)) out.push_back(word);
    word.clear();
  };
  for (const char c : text) {
    const bool is_part = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                         (view == 2 ? c == letter_placeholder : (c & 0x80) != 0);
    if (is_part) {
      word += c;
    } else {
      end_word();
    }
  }
  end_word();
  return out;
}

bool stands_at(const words& text, std::size_t at, const words& what) {
  return at + what.size() <= text.size() &&
         std::equal(what.begin(), what.end(), text.begin() + static_cast<std::ptrdiff_t>(at));
}

struct wanted_name {
  words core;
  const std::vector<words>* form = nullptr;  // nullptr: the name has none
};

wanted_name taken_apart(words name) {
  // The longest spelling first: "zartkoruen mukodo reszvenytarsasag" ends in another form.
  const words* best = nullptr;
  wanted_name out;
  for (const auto& form : legal_forms())
    for (const auto& spelling : form)
      if (name.size() > spelling.size() &&
          stands_at(name, name.size() - spelling.size(), spelling) &&
          (best == nullptr || spelling.size() > best->size())) {
        best = &spelling;
        out.form = &form;
      }
  if (best != nullptr) name.resize(name.size() - best->size());
  out.core = std::move(name);
  return out;
}

bool has_name(const words& text, const wanted_name& wanted) {
  for (std::size_t i = 0; i + wanted.core.size() <= text.size(); ++i) {
    if (!stands_at(text, i, wanted.core)) continue;
    const auto behind = i + wanted.core.size();
    if (wanted.form == nullptr || std::ranges::any_of(*wanted.form, [&](const words& spelling) {
          return stands_at(text, behind, spelling);
        }))
      return true;
  }
  return false;
}

}  // namespace

bool shows_name(const message_texts& texts, std::string_view legal_name) {
  const auto name = text_views::of(legal_name);
  const int view = name.text(2).find(letter_placeholder) == std::string_view::npos ? 2 : 1;
  const auto wanted = taken_apart(words_of(name.text(view), view));
  if (wanted.core.empty()) return false;
  return std::ranges::any_of(texts.texts, [&](const message_text& t) {
    return t.where == zone::body &&
           has_name(words_of(text_views::of(t.seen).text(view), view), wanted);
  });
}

}  // namespace consentry::filters
