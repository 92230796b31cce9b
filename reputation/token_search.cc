#include "reputation/token_search.h"

#include <algorithm>

#include "base/text.h"

namespace consentry::reputation {
namespace {

namespace mime = smtp::mime;
using smtp::token_purpose;

constexpr std::size_t token_length = 40;

bool is_alphanumeric(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_base32(char c) noexcept {
  return (c >= '2' && c <= '7') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "%2F": an octet of a URL, so that its digits are none of the token behind it.
bool is_percent_encoded(std::string_view s) noexcept {
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  return s.size() >= 3 && s[0] == '%' && is_hex(s[1]) && is_hex(s[2]);
}

// By what stands around it: "/u/T" unsubscribe, "b-T@" return path, "<T@" Message-ID.
std::optional<token_purpose> place_of(std::string_view before, std::string_view after) {
  const std::string lower = ascii_lower(before);
  if (lower.ends_with("/u/")) return token_purpose::unsubscribe;
  // "=40" and "=": VERP of a forwarder around ours, SRS
  if (lower.ends_with("b-") || lower.ends_with("b+")) return token_purpose::return_path;
  if (lower.ends_with("<") && after.starts_with("@")) return token_purpose::message_id;
  return std::nullopt;
}

void add_token(token_candidates& found, std::string token, token_purpose place) {
  if (found.size() >= candidates_max) return;
  token_candidate candidate{std::move(token), place};
  if (std::find(found.begin(), found.end(), candidate) == found.end())
    found.push_back(std::move(candidate));
}

}  // namespace

void collect_tokens(token_candidates& found, std::string_view text,
                    std::optional<token_purpose> known) {
  for (std::size_t i = 0; i < text.size();) {
    if (!is_alphanumeric(text[i])) {
      i += is_percent_encoded(text.substr(i)) ? 3 : 1;
      continue;
    }
    const std::size_t begin = i;
    bool is_run = true;
    for (; i < text.size() && is_alphanumeric(text[i]); ++i) is_run = is_run && is_base32(text[i]);
    if (!is_run || i - begin != token_length) continue;
    const std::string token = ascii_lower(text.substr(begin, token_length));
    const std::size_t context = std::min<std::size_t>(begin, 3);
    const auto place =
        known ? known : place_of(text.substr(begin - context, context), text.substr(i, 1));
    if (place) {
      add_token(found, token, *place);
    } else {  // cut out of its place: let the ring find out
      for (const auto p : {token_purpose::return_path, token_purpose::message_id,
                           token_purpose::unsubscribe, token_purpose::feedback})
        add_token(found, token, p);
    }
  }
}

void collect_tokens(token_candidates& found, const std::vector<mime::header_field>& fields) {
  for (const auto& f : fields) {
    std::optional<token_purpose> known;
    if (ascii_iequals(f.name, "CFBL-Feedback-ID")) known = token_purpose::feedback;
    if (ascii_iequals(f.name, "Message-ID")) known = token_purpose::message_id;
    if (ascii_iequals(f.name, "Return-Path")) known = token_purpose::return_path;
    collect_tokens(found, f.text, known);
  }
}

token_candidates tokens_of(const mime::walked_message& message) {
  token_candidates found;
  for (const auto& p : message.parts) {
    collect_tokens(found, p.headers);
    collect_tokens(found, p.text);
  }
  return found;
}

}  // namespace consentry::reputation
