// Finds our opaque ids in what others send back: reports, the mail inside them, what people write
// (RULES C1). Reads only; whether a text is one of ours only the token_ring knows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/mime/mime_walk.h"
#include "smtp/token.h"

namespace consentry::reputation {

// A text of the shape of our token and the place it stood in.
struct token_candidate {
  std::string text;  // 40 characters, lower case
  smtp::token_purpose purpose = smtp::token_purpose::return_path;
  friend bool operator==(const token_candidate&, const token_candidate&) = default;
};

// Distinct candidates, in the order in which they were found; at most candidates_max.
using token_candidates = std::vector<token_candidate>;
inline constexpr std::size_t candidates_max = 64;

// known: the place where the field itself tells it. Where it cannot be told, not from what stands
// around the text either, it is a candidate for each.
void collect_tokens(token_candidates& found, std::string_view text,
                    std::optional<smtp::token_purpose> known = std::nullopt);
void collect_tokens(token_candidates& found, const std::vector<smtp::mime::header_field>& fields);

// All of a mail: its own header (In-Reply-To and References of an answer hold our Message-ID), the
// text of every part, enclosed mails.
token_candidates tokens_of(const smtp::mime::walked_message& message);

}  // namespace consentry::reputation
