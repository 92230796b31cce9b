#include "smtp/bounce_class.h"

#include <algorithm>

namespace consentry::smtp {
namespace {

struct phrase {
  std::string_view text;  // lower case
  bounce_class means;
};

// Many servers send no enhanced code, or one that says nothing (5.0.0, 5.5.0); then their words
// decide. First match wins: what tells of the sender or of filtering stands before what tells of
// the address, since wrongly keeping an address costs a retry and wrongly suppressing one costs a
// customer.
constexpr phrase phrases[] = {
    {"sender", bounce_class::policy},
    {"spam", bounce_class::policy},
    {"virus", bounce_class::policy},
    {"blocked", bounce_class::policy},
    {"blacklist", bounce_class::policy},
    {"block list", bounce_class::policy},
    {"blocklist", bounce_class::policy},
    {"reputation", bounce_class::policy},
    {"dmarc", bounce_class::policy},
    {"spf", bounce_class::policy},
    {"dkim", bounce_class::policy},
    {"policy", bounce_class::policy},
    {"authentication", bounce_class::policy},
    {"reverse dns", bounce_class::policy},
    {"content", bounce_class::policy},
    {"at a rate", bounce_class::policy},
    {"rate limit", bounce_class::policy},
    {"relay", bounce_class::relay},
    {"rcpthosts", bounce_class::relay},
    {"unrouteable", bounce_class::relay},
    {"loop", bounce_class::relay},
    {"mailbox full", bounce_class::mailbox_full},
    {"mailbox is full", bounce_class::mailbox_full},
    {"quota", bounce_class::mailbox_full},
    {"exceeded storage", bounce_class::mailbox_full},
    {"unknown user", bounce_class::bad_address},
    {"user unknown", bounce_class::bad_address},
    {"unknown recipient", bounce_class::bad_address},
    {"recipient unknown", bounce_class::bad_address},
    {"address unknown", bounce_class::bad_address},
    {"unknown address", bounce_class::bad_address},
    {"no such user", bounce_class::bad_address},
    {"no such mailbox", bounce_class::bad_address},
    {"no such recipient", bounce_class::bad_address},
    {"no such address", bounce_class::bad_address},
    {"no mailbox", bounce_class::bad_address},
    {"no mail-box", bounce_class::bad_address},
    {"not a valid user", bounce_class::bad_address},
    {"not a valid mailbox", bounce_class::bad_address},
    {"invalid recipient", bounce_class::bad_address},
    {"invalid mailbox", bounce_class::bad_address},
    {"mailbox not found", bounce_class::bad_address},
    {"user not found", bounce_class::bad_address},
    {"recipient not found", bounce_class::bad_address},
    {"does not exist", bounce_class::bad_address},
    {"doesn't exist", bounce_class::bad_address},
    {"account is disabled", bounce_class::bad_address},
    {"account closed", bounce_class::bad_address},
    {"recipient address rejected: access denied", bounce_class::bad_address},
};

bool contains(std::string_view text, std::string_view low) noexcept {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  };
  return std::search(text.begin(), text.end(), low.begin(), low.end(), same) != text.end();
}

bounce_class by_words(std::string_view text) noexcept {
  for (const phrase& p : phrases)
    if (contains(text, p.text)) return p.means;
  return bounce_class::none;
}

// RFC 3463 section 3 and the registry of RFC 5248; none: the code does not say.
bounce_class by_enhanced(enhanced_code e) noexcept {
  switch (e.subject) {
    case 1:  // addressing
      switch (e.detail) {
        case 1:
        case 2:
        case 3:
        case 6:
          return bounce_class::bad_address;
        case 7:
        case 8:
          return bounce_class::policy;  // the sender's address
        case 9:
          return bounce_class::protocol;
        case 10:
          return bounce_class::relay;  // null MX, RFC 7505
        default:
          return bounce_class::none;
      }
    case 2:  // mailbox; 2.1 "disabled" is also said of mailboxes under a flood, so words go first
      return e.detail == 2 ? bounce_class::mailbox_full : bounce_class::none;
    case 3:
      return e.detail == 3 || e.detail == 4 ? bounce_class::protocol : bounce_class::none;
    case 4:
      return e.detail == 1 ? bounce_class::none : bounce_class::relay;
    case 5:
      return e.detail == 0 ? bounce_class::none : bounce_class::protocol;
    case 6:
      return bounce_class::protocol;
    case 7:
      switch (e.detail) {
        case 13:
        case 17:
        case 18:  // account disabled; owner of mailbox or domain changed (RFC 7293)
          return bounce_class::bad_address;
        default:
          return bounce_class::policy;
      }
    default:
      return bounce_class::none;
  }
}

// RFC 5321 section 4.2.3, RFC 7504, RFC 4954.
bounce_class by_basic(int code) noexcept {
  switch (code) {
    case 521:
    case 556:
      return bounce_class::relay;
    case 530:
    case 534:
    case 535:
    case 538:
      return bounce_class::policy;
    case 551:
      return bounce_class::bad_address;
    case 552:
      return bounce_class::mailbox_full;
    case 500:
    case 501:
    case 502:
    case 503:
    case 504:
    case 555:
      return bounce_class::protocol;
    default:
      return bounce_class::other_permanent;  // a bare 550 may be policy as well as a dead mailbox
  }
}

}  // namespace

std::string_view to_string(bounce_class c) noexcept {
  switch (c) {
    case bounce_class::none:
      return "none";
    case bounce_class::bad_address:
      return "bad_address";
    case bounce_class::mailbox_full:
      return "mailbox_full";
    case bounce_class::policy:
      return "policy";
    case bounce_class::protocol:
      return "protocol";
    case bounce_class::transient:
      return "transient";
    case bounce_class::relay:
      return "relay";
    case bounce_class::other_permanent:
      return "other_permanent";
  }
  return "unknown";
}

bounce_class classify(const reply& r) noexcept {
  // A delivery report may give an enhanced code alone (RFC 3464 section 2.3.4).
  const int digit = r.code != 0 ? r.code / 100 : r.enhanced.status_class;
  if (digit == 2 || digit == 3) return bounce_class::none;
  if (digit != 5) {
    const bool full = r.enhanced.subject == 2 && r.enhanced.detail == 2;
    return full ? bounce_class::mailbox_full : bounce_class::transient;
  }
  if (r.enhanced)
    if (const auto c = by_enhanced(r.enhanced); c != bounce_class::none) return c;
  if (const auto c = by_words(r.text); c != bounce_class::none) return c;
  if (r.enhanced.subject == 2 && r.enhanced.detail == 1) return bounce_class::bad_address;
  return by_basic(r.code);
}

bool is_hard(bounce_class c) noexcept {
  return c == bounce_class::bad_address;
}

}  // namespace consentry::smtp
