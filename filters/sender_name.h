// Whether a message says who writes (RULES 5.4).
#pragma once

#include <string_view>

#include "filters/message_texts.h"

namespace consentry::filters {

// The sender's legal name, word by word, in one of the texts that a reader sees. Case, accents,
// punctuation and "&" for "and" do not matter, nor how the legal form is written: "Kft.",
// "Korlátolt Felelősségű Társaság" and "Ltd" are one form, "Zrt." is another. A form that the name
// has must be there: "Shop" alone is a word, not the sender.
bool shows_name(const message_texts& texts, std::string_view legal_name);

}  // namespace consentry::filters
