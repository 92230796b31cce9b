#include "reputation/bounce_text.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace consentry::reputation {
namespace {

constexpr std::size_t words_bytes_max = 64 << 10;
constexpr std::size_t address_bytes_max = 320;
constexpr std::size_t recipients_max = 100;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

template <std::size_t N>
bool has_any(std::string_view lower, const std::array<std::string_view, N>& phrases) noexcept {
  return std::any_of(phrases.begin(), phrases.end(),
                     [&](auto p) { return lower.find(p) != std::string_view::npos; });
}

// The enhanced code that begins here, behind anything but a digit, a letter or a dot.
std::size_t enhanced_at(std::string_view t, std::size_t i, smtp::enhanced_code& out) {
  if (t[i] != '4' && t[i] != '5') return 0;
  if (i > 0 && (is_digit(t[i - 1]) || is_letter(t[i - 1]) || t[i - 1] == '.')) return 0;
  std::size_t end = i;
  while (end < t.size() && end - i < 9 && (is_digit(t[end]) || t[end] == '.')) ++end;
  if (end < t.size() && is_digit(t[end])) return 0;
  auto text = t.substr(i, end - i);
  while (text.ends_with('.')) text.remove_suffix(1);
  const auto parsed = smtp::parse_enhanced_code(text);
  if (!parsed) return 0;
  out = *parsed;
  return text.size();
}

// "550 ", "550-": a code as a server says it, and no number of anything else.
bool is_code_at(std::string_view t, std::size_t i) noexcept {
  if (i + 3 > t.size() || (t[i] != '4' && t[i] != '5') || t[i + 1] > '7' || !is_digit(t[i + 1]) ||
      !is_digit(t[i + 2]))
    return false;
  if (i > 0 && (is_digit(t[i - 1]) || is_letter(t[i - 1]) || t[i - 1] == '.' || t[i - 1] == '-' ||
                t[i - 1] == '/' || t[i - 1] == '=' || t[i - 1] == '$' || t[i - 1] == ','))
    return false;
  if (i + 3 == t.size()) return true;
  const char next = t[i + 3];
  // "550-5.1.1 first line", but no range of numbers.
  const bool is_enhanced = i + 5 < t.size() && t[i + 4] == t[i] && t[i + 5] == '.';
  if (next == '-' || next == '#') return is_enhanced || (i + 4 < t.size() && !is_digit(t[i + 4]));
  if (next != ' ') return false;
  // "500 MB", "450 seconds", "550 bytes" are none.
  const auto rest = ascii_lower(t.substr(i + 4, 12));
  static constexpr std::array<std::string_view, 9> units{"mb",   "kb",   "gb",   "byte",  "second",
                                                         "hour", "days", "mess", "minute"};
  return std::none_of(units.begin(), units.end(), [&](auto u) { return rest.starts_with(u); });
}

bool is_address_sign(char c) noexcept {
  return is_letter(c) || is_digit(c) ||
         std::string_view{"!#$%&'*+-/=?^_`{|}~."}.find(c) != std::string_view::npos ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_domain_sign(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '-' || c == '.' ||
         static_cast<unsigned char>(c) >= 0x80;
}

// The address around the "@" at `at`, nothing if there is none. begin: where it begins.
std::string address_around(std::string_view t, std::size_t at, std::size_t& begin) {
  begin = at;
  while (begin > 0 && at - begin < 128 && is_address_sign(t[begin - 1])) --begin;
  while (begin < at && (t[begin] == '\'' || t[begin] == '.' || t[begin] == '=')) ++begin;
  std::size_t end = at + 1;
  while (end < t.size() && end - at < 255 && is_domain_sign(t[end])) ++end;
  while (end > at + 1 && (t[end - 1] == '.' || t[end - 1] == '-')) --end;
  const auto domain = t.substr(at + 1, end - at - 1);
  if (begin == at || domain.find('.') == std::string_view::npos || domain.starts_with('.'))
    return {};
  const auto whole = t.substr(begin, end - begin);
  return whole.size() > address_bytes_max ? std::string{} : std::string{whole};
}

// The line without what stands before its address: "<", quotes, "To:", "1)".
std::string leading_address(std::string_view line) {
  const auto text = trim(line);
  const auto at = text.find('@');
  if (at == std::string_view::npos) return {};
  std::size_t begin = 0;
  auto found = address_around(text, at, begin);
  if (found.empty()) return {};
  const auto before = ascii_lower(trim(text.substr(0, begin)));
  static constexpr std::array<std::string_view, 18> leads{"",
                                                          "<",
                                                          "\"",
                                                          "'",
                                                          "(",
                                                          "to:",
                                                          "to: <",
                                                          "rcpt to:<",
                                                          "* ",
                                                          "*",
                                                          "- ",
                                                          "user:",
                                                          "unknown user:",
                                                          "recipient:",
                                                          "recipient: <",
                                                          "to",
                                                          "smtp:",
                                                          "<smtp:"};
  if (std::find(leads.begin(), leads.end(), before) != leads.end()) return found;
  static constexpr std::array<std::string_view, 7> ends{
      "unknown user:", "undeliverable to",     "address:", "address: <", "mailbox:",
      "recipient:",    "intended recipient: <"};
  return std::any_of(ends.begin(), ends.end(), [&](auto e) { return before == e; }) ? found
                                                                                    : std::string{};
}

// A line that says: here begins the mail that came back.
bool begins_original(std::string_view line) {
  const auto low = ascii_lower(trim(line));
  if (low.starts_with("received: ") || low.starts_with("return-path: ") ||
      low.starts_with("dkim-signature: "))
    return true;
  static constexpr std::array<std::string_view, 16> words{
      "below this line",  "copy of the message",    "copy of your message",
      "original message", "returned message",       "unsent message",
      "message header",   "header of the original", "message follows",
      "original mail",    "headers follow",         "message headers",
      "message contents", "beginning of your",      "first part of your message",
      "the original text"};
  const bool is_ruled = low.starts_with("--") || low.ends_with("--") || low.starts_with("==");
  const bool is_told = low.find("follow") != std::string::npos || low.ends_with(':');
  return (is_ruled || (is_told && low.size() < 80)) && has_any(low, words);
}

}  // namespace

smtp::reply quoted_reply(std::string_view text) {
  smtp::reply out;
  std::size_t begin = std::string_view::npos, code_at = begin, behind = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (out.code == 0 && is_code_at(text, i)) {
      out.code = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
      code_at = i;
      begin = std::min(begin, i);
      behind = std::min(text.size(), i + 4);
    }
    if (!out.enhanced)
      if (const auto n = enhanced_at(text, i, out.enhanced); n != 0) {
        begin = std::min(begin, i);
        behind = std::max(behind, i + n);
        // A code far behind an enhanced one belongs to something else.
        if (out.code == 0) text = text.substr(0, std::min(text.size(), i + 400));
      }
    if (out.code != 0 && out.enhanced) break;
  }
  // Codes of two replies: the basic one was met first and wins.
  if (out.code != 0 && out.enhanced && out.enhanced.status_class != out.code / 100) {
    if (code_at < begin + 1)
      out.enhanced = {};
    else
      out.code = 0;
  }
  out.text =
      trim(begin == std::string_view::npos ? text : text.substr(std::min(behind, begin + 14)));
  return out;
}

std::vector<std::string> addresses_in(std::string_view text) {
  std::vector<std::string> out;
  for (auto at = text.find('@'); at != std::string_view::npos && out.size() < recipients_max;
       at = text.find('@', at + 1)) {
    std::size_t begin = 0;
    auto found = address_around(text, at, begin);
    const auto is_same = [&](const auto& a) { return ascii_iequals(a, found); };
    if (!found.empty() && std::none_of(out.begin(), out.end(), is_same))
      out.push_back(std::move(found));
  }
  return out;
}

std::string_view words_above_original(std::string_view text) {
  text = text.substr(0, words_bytes_max);
  bool has_words = false;
  for (std::size_t pos = 0; pos < text.size();) {
    const auto next = std::min(text.find('\n', pos), text.size() - 1) + 1;
    const auto line = text.substr(pos, next - pos);
    if (has_words && begins_original(line)) return text.substr(0, pos);
    has_words = has_words || !trim(line).empty();
    pos = next;
  }
  return text;
}

std::vector<told_recipient> told_recipients(std::string_view words) {
  std::vector<told_recipient> out;
  for (const auto line : split(words, '\n')) {
    auto address = leading_address(line);
    const bool is_known =
        !out.empty() && !address.empty() && ascii_iequals(out.back().address, address);
    if (!address.empty() && !is_known) {
      if (out.size() >= recipients_max) break;
      out.push_back({std::move(address), {}});
    }
    if (out.empty() || trim(line).empty()) continue;
    out.back().words += (out.back().words.empty() ? "" : " ") + std::string{trim(line)};
  }
  return out;
}

bool speaks_of_rcpt(std::string_view words) noexcept {
  static constexpr std::array<std::string_view, 6> phrases{"to rcpt", "after rcpt",   ">>> rcpt",
                                                           "rcpt to", "rcpt command", "rcpt_to"};
  return has_any(ascii_lower(words), phrases);
}

bool is_bounce_subject(std::string_view decoded) noexcept {
  static constexpr std::array<std::string_view, 30> phrases{"undeliver",
                                                            "undelivered",
                                                            "delivery status",
                                                            "delivery fail",
                                                            "failure notice",
                                                            "returned mail",
                                                            "mail delivery",
                                                            "delivery error",
                                                            "delivery problem",
                                                            "could not be del",
                                                            "non-deliver",
                                                            "nondeliver",
                                                            "not delivered",
                                                            "failed delivery",
                                                            "failure delivery",
                                                            "mail system error",
                                                            "delivery notif",
                                                            "delivery report",
                                                            "returned to sender",
                                                            "delivery has failed",
                                                            "mail failure",
                                                            "error sending",
                                                            "delayed mail",
                                                            "unzustellbar",
                                                            "non remis",
                                                            "delivery delayed",
                                                            "message delayed",
                                                            "warning: message",
                                                            "k\xc3\xa9zbes\xc3\xadt",
                                                            "sikertelen"};
  return has_any(ascii_lower(decoded), phrases);
}

bool tells_of_failure(std::string_view words) noexcept {
  static constexpr std::array<std::string_view, 41> phrases{"error message below",
                                                            "could not be delivered",
                                                            "couldn't be delivered",
                                                            "not be delivered",
                                                            "was not delivered",
                                                            "unable to deliver",
                                                            "wasn't able to deliver",
                                                            "not able to deliver",
                                                            "undeliver",
                                                            "delivery fail",
                                                            "delivery to the following",
                                                            "did not reach",
                                                            "not receive",
                                                            "returned to sender",
                                                            "permanent error",
                                                            "permanent fatal errors",
                                                            "fatal errors",
                                                            "failure reason",
                                                            "following address",
                                                            "following recipient",
                                                            "mail could not be",
                                                            "message could not be",
                                                            "cannot be delivered",
                                                            "can't be delivered",
                                                            "has not been delivered",
                                                            "transcript of session",
                                                            "failed to deliver",
                                                            "unknown user",
                                                            "user unknown",
                                                            "couldn't deliver",
                                                            "could not deliver",
                                                            "rejected by a remote",
                                                            "had transient",
                                                            "not been delivered",
                                                            "not yet been delivered",
                                                            "sending your mail",
                                                            "nem k\xc3\xa9zbes\xc3\xadt",
                                                            "k\xc3\xa9zbes\xc3\xadthet",
                                                            "could not be sent",
                                                            "did not receive this",
                                                            "giving up on"};
  return has_any(ascii_lower(words.substr(0, 8192)), phrases);
}

bool tells_of_delay(std::string_view subject, std::string_view words) noexcept {
  static constexpr std::array<std::string_view, 4> subjects{"delay", "warning: message",
                                                            "still being retried", "warning"};
  static constexpr std::array<std::string_view, 8> phrases{
      "will be retried",      "will continue to",     "still be retried",
      "still being retried",  "will keep trying",     "this is a warning only",
      "warning message only", "do not need to resend"};
  return has_any(ascii_lower(subject), subjects) || has_any(ascii_lower(words), phrases);
}

}  // namespace consentry::reputation
