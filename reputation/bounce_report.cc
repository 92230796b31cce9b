#include "reputation/bounce_report.h"

#include <algorithm>

#include "base/text.h"
#include "reputation/bounce_text.h"
#include "reputation/report_parts.h"

namespace consentry::reputation {
namespace {

namespace mime = smtp::mime;

constexpr std::size_t recipients_max = 100;
constexpr std::size_t text_bytes_max = 1 << 20;
constexpr std::size_t words_bytes_max = 4096;  // about one recipient

// "rfc822; <x@example.hu>"
std::string typed_address(std::string_view value) {
  if (const auto semicolon = value.find(';'); semicolon != std::string_view::npos)
    value.remove_prefix(semicolon + 1);
  value = trim(value);
  if (value.starts_with('<') && value.find('>') != std::string_view::npos)
    value = value.substr(1, value.find('>') - 1);
  // Courier and others write a comment behind it.
  if (const auto blank = value.find_first_of(" \t"); blank != std::string_view::npos)
    value = value.substr(0, blank);
  return std::string{value};
}

std::string behind_type(std::string_view value) {
  const auto semicolon = value.find(';');
  // "smtp; 550 ..": a type is one word.
  if (semicolon != std::string_view::npos && semicolon < 20 &&
      trim(value.substr(0, semicolon)).find(' ') == std::string_view::npos)
    value.remove_prefix(semicolon + 1);
  return std::string{trim(value)};
}

std::string host_of(std::string_view value) {
  const auto typed = behind_type(value);
  return ascii_lower(typed.substr(0, typed.find_first_of(" (\t")));
}

bool is_address(std::string_view text) {
  const auto at = text.rfind('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size();
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, words_bytes_max))
    if (c == '\n' || c == '\r' || c == '\t' || c == ' ') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += c;
    }
  return out;
}

// --- RFC 3464

struct status_block {
  std::string final_recipient, original_recipient, actual_recipient;
  std::string action, status, diagnostic, remote;

  bool take(const std::string& name, const std::string& value) {
    if (name == "final-recipient")
      final_recipient = typed_address(value);
    else if (name == "original-recipient")
      original_recipient = typed_address(value);
    else if (name == "x-actual-recipient")
      actual_recipient = typed_address(value);
    else if (name == "action")
      action = ascii_lower(trim(value.substr(0, value.find_first_of(" (;"))));
    else if (name == "status")
      status = value;
    else if (name == "diagnostic-code")
      diagnostic += (diagnostic.empty() ? "" : " ") + behind_type(value);
    else if (name == "remote-mta")
      remote = host_of(value);
    else
      return false;
    return true;
  }
  bool is_empty() const { return final_recipient.empty() && original_recipient.empty(); }
};

std::string address_of(const status_block& b) {
  for (const auto* a : {&b.final_recipient, &b.original_recipient, &b.actual_recipient})
    if (is_address(*a)) return *a;
  return b.final_recipient.empty() ? b.original_recipient : b.final_recipient;
}

bool is_about_success(const status_block& b) {
  if (b.action == "delivered" || b.action == "relayed" || b.action == "expanded" ||
      b.action == "deliverable")
    return true;
  return b.action.empty() && trim(b.status).starts_with("2");
}

bounced_recipient recipient_of(const status_block& b) {
  bounced_recipient out;
  out.address = address_of(b);
  out.said = quoted_reply(one_line(b.diagnostic));
  out.remote_host = b.remote;
  out.is_delayed = b.action == "delayed";
  const auto status = quoted_reply(b.status).enhanced;
  const bool says_more = status.subject != 0 || status.detail != 0;
  if (status && (!out.said.enhanced || (out.said.enhanced.subject == 0 && says_more)))
    out.said.enhanced = status;
  return out;
}

// Fields of all recipients, in blocks; a block begins with a recipient's address.
std::vector<status_block> read_blocks(std::string_view text) {
  std::vector<status_block> out;
  status_block current;
  bool has_final = false, has_original = false;
  const auto flush = [&] {
    if (!current.is_empty() && out.size() < recipients_max) out.push_back(std::move(current));
    current = {};
    has_final = has_original = false;
  };
  for (const auto& [name, value] : read_fields(text.substr(0, text_bytes_max))) {
    const bool is_final = name == "final-recipient", is_original = name == "original-recipient";
    if ((is_final && has_final) ||
        (is_original && (has_original || has_final) && !current.action.empty() && has_final))
      flush();
    has_final = has_final || is_final;
    has_original = has_original || is_original;
    current.take(name, trim(value).empty() ? std::string{} : std::string{trim(value)});
  }
  flush();
  return out;
}

bool is_status_part(const mime::part& p) {
  if (p.type == "message/delivery-status" || p.type == "message/global-delivery-status")
    return true;
  const auto low = ascii_lower(p.text.substr(0, 4096));
  return p.type.starts_with("text/") && low.find("reporting-mta:") != std::string::npos &&
         low.find("final-recipient:") != std::string::npos &&
         low.find("action:") != std::string::npos;
}

// --- the words for people

// What was written above the returned mail, in all parts that are no part of it.
std::string human_words(const mime::walked_message& m, const std::vector<bool>& is_enclosed) {
  std::string out;
  const auto take = [&](bool html) {
    for (std::size_t i = 0; i < m.parts.size() && out.size() < text_bytes_max; ++i) {
      const auto& p = m.parts[i];
      if (is_enclosed[i] || is_original_part(p) || is_status_part(p)) continue;
      if (p.disposition == "attachment" || (p.type == "text/html") != html) continue;
      if (!p.text.empty()) out += p.text.substr(0, text_bytes_max) + "\n";
    }
  };
  take(false);
  if (!trim(out).empty()) return std::string{words_above_original(out)};
  take(true);
  std::string bare;  // tags away: enough to find addresses and phrases
  bool in_tag = false;
  for (const char c : out) {
    if (c == '<') {
      in_tag = true;
      bare += '\n';
    } else if (c == '>' && in_tag) {
      in_tag = false;
    } else if (!in_tag) {
      bare += c;
    }
  }
  return std::string{words_above_original(bare)};
}

std::string field_text(const mime::walked_message& m, std::string_view name) {
  const auto* f = m.header(name);
  return f == nullptr ? std::string{} : f->text;
}

bool is_from_a_mailer(const mime::walked_message& m) {
  const auto from = ascii_lower(field_text(m, "From"));
  if (trim(from) == "<>") return true;
  for (const char* name :
       {"mailer-daemon", "mailer daemon", "postmaster", "post_master", "mail delivery",
        "mail.delivery", "mail deliver system", "mailerdaemon", "mail system", "delivery system"})
    if (from.find(name) != std::string::npos) return true;
  return false;
}

// People, lists and auto-replies write about failed deliveries, too: more than one sign is asked
// for.
bool looks_like_bounce(const mime::walked_message& m, const std::string& words) {
  for (const char* name : {"List-Id", "List-Unsubscribe", "X-Autoreply", "X-Autorespond"})
    if (m.count(name) != 0) return false;
  if (m.count("X-Failed-Recipients") != 0) return true;
  const bool by_subject = is_bounce_subject(field_text(m, "Subject"));
  const bool by_words = tells_of_failure(words);
  if (is_from_a_mailer(m)) return by_subject || by_words;
  const auto path = std::string{trim(field_text(m, "Return-Path"))};
  const bool is_null = path == "<>" || ascii_istarts_with(path, "<mailer-daemon");
  return is_null && by_words && (by_subject || m.parts.size() > 1);
}

// Addresses of the header are the sender's own, or the mailer's: what it writes to and from.
std::vector<std::string> own_addresses(const mime::walked_message& m) {
  auto out = addresses_in(field_text(m, "To") + " " + field_text(m, "From"));
  return out;
}

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::any_of(all.begin(), all.end(), [&](const auto& a) { return ascii_iequals(a, one); });
}

// To whom the returned mail went.
std::vector<std::string> original_recipients(const mime::walked_message& m,
                                             const std::vector<bool>& is_enclosed) {
  for (std::size_t i = 0; i < m.parts.size(); ++i) {
    if (!is_enclosed[i]) {
      if (!is_original_part(m.parts[i]) || m.parts[i].is_container) continue;
      const auto headers = mime::walk(m.parts[i].body).headers;
      for (const auto& f : headers)
        if (ascii_iequals(f.name, "To")) return addresses_in(f.text);
      continue;
    }
    for (const auto& f : m.parts[i].headers)
      if (ascii_iequals(f.name, "To")) return addresses_in(f.text);
  }
  return {};
}

// Returned mail in the same text, behind the words.
std::vector<std::string> recipients_below(const mime::walked_message& m, std::size_t words) {
  for (const auto& p : m.parts) {
    if (p.text.size() <= words) continue;
    for (const auto line : split(std::string_view{p.text}.substr(words).substr(0, 64 << 10), '\n'))
      if (ascii_istarts_with(line, "to:")) return addresses_in(line);
  }
  return {};
}

std::vector<bounced_recipient> by_words(const mime::walked_message& m,
                                        const std::vector<bool>& is_enclosed,
                                        const std::string& words) {
  auto told = told_recipients(words);
  const auto own = own_addresses(m);
  const auto failed = addresses_in(field_text(m, "X-Failed-Recipients"));
  const auto is_own = [&](const auto& t) { return contains(own, t.address); };
  if (!failed.empty())
    std::erase_if(told, [&](const auto& t) { return !contains(failed, t.address); });
  else if (!std::all_of(told.begin(), told.end(), is_own))
    std::erase_if(told, is_own);
  const auto add = [&](const std::string& address) {
    const auto same = [&](const auto& t) { return ascii_iequals(t.address, address); };
    if (std::none_of(told.begin(), told.end(), same)) told.push_back({address, one_line(words)});
  };
  for (const auto& a : failed) add(a);
  if (told.empty())
    for (const auto& a : addresses_in(words))
      if (told.empty() && !contains(own, a)) add(a);
  if (told.empty())
    for (const auto& a : original_recipients(m, is_enclosed)) add(a);
  if (told.empty())
    for (const auto& a : recipients_below(m, words.size())) add(a);
  std::vector<bounced_recipient> out;
  const bool is_delayed = tells_of_delay(field_text(m, "Subject"), words);
  const auto whole = one_line(words);
  for (auto& t : told) {
    if (out.size() >= recipients_max) break;
    const auto about = one_line(t.words);
    // What stands above the address may be all that is said: "User unknown:" and then who.
    const bool says_little = about.size() < t.address.size() + 8;
    bounced_recipient r{.address = std::move(t.address),
                        .said = quoted_reply(says_little ? whole : about),
                        .is_delayed = is_delayed};
    r.words = whole;
    r.at_rcpt = speaks_of_rcpt(about);
    out.push_back(std::move(r));
  }
  return out;
}

std::vector<status_block> status_blocks(const mime::walked_message& m,
                                        const std::vector<bool>& is_enclosed, bool inside) {
  std::vector<status_block> out;
  for (std::size_t i = 0; i < m.parts.size(); ++i) {
    if (is_enclosed[i] != inside || !is_status_part(m.parts[i])) continue;
    for (auto& b : read_blocks(m.parts[i].text)) out.push_back(std::move(b));
  }
  return out;
}

// Rules that name a provider's own words: they say it at whatever time.
bool is_proof(std::string_view rule) {
  return rule != "unknown-address" && rule != "no-longer-there";
}

}  // namespace

parsed_bounce parse_bounce(const mime::walked_message& m) {
  parsed_bounce out;
  const auto is_enclosed = enclosed_parts(m.parts);
  for (std::size_t i = 0; i < m.parts.size(); ++i)
    if (!is_enclosed[i] && m.parts[i].type == "message/feedback-report") return out;
  auto blocks = status_blocks(m, is_enclosed, false);
  const auto words = human_words(m, is_enclosed);
  // A gateway may wrap the report of another system into mail of its own.
  if (blocks.empty() && looks_like_bounce(m, words)) blocks = status_blocks(m, is_enclosed, true);
  const auto told = told_recipients(words);
  for (const auto& b : blocks) {
    if (is_about_success(b) || out.recipients.size() >= recipients_max) continue;
    auto r = recipient_of(b);
    const auto about = std::find_if(told.begin(), told.end(), [&](const auto& t) {
      return ascii_iequals(t.address, r.address);
    });
    r.words = one_line(about != told.end() ? std::string_view{about->words} : words);
    r.at_rcpt = speaks_of_rcpt(r.words) || speaks_of_rcpt(b.diagnostic);
    const auto is_same = [&](const auto& o) { return ascii_iequals(o.address, r.address); };
    if (std::none_of(out.recipients.begin(), out.recipients.end(), is_same))
      out.recipients.push_back(std::move(r));
  }
  out.is_machine_readable = !blocks.empty();
  if (!blocks.empty() || !looks_like_bounce(m, words)) return out;
  out.recipients = by_words(m, is_enclosed, words);
  return out;
}

parsed_bounce parse_bounce(std::string_view message) {
  // A line of a mailbox file, left by who saved it.
  if (message.starts_with("From "))
    message.remove_prefix(std::min(message.find('\n'), message.size() - 1) + 1);
  return parse_bounce(mime::walk(message));
}

smtp::bounce_verdict classify(const bounced_recipient& r, const smtp::bounce_rules& rules) {
  auto said = r.said;
  // The reporting system's last word, whatever digit the other system began with.
  const int digit = r.is_delayed ? 4 : 5;
  if (said.code / 100 != digit) said.code = digit * 100 + 50;
  if (said.enhanced) said.enhanced.status_class = static_cast<std::uint8_t>(digit);
  auto out = rules.classify(said, r.remote_host);
  if (out.rule.empty() && !r.words.empty()) {
    said.text = r.words;
    out = rules.classify(said, r.remote_host);
  }
  // Who does not know an address says so at RCPT, or with 5.1.x. Said later, the same words hide a
  // filter, at some mobile providers the reader's own; where it is not told when, the address is
  // kept.
  // 553 is an answer to RCPT alone (RFC 5321 section 4.3.2).
  const bool may_be_late = r.said.code != 0 && r.said.code != 553 && !r.at_rcpt;
  if (out.what == smtp::bounce_class::bad_address && may_be_late && said.enhanced.subject != 1 &&
      !is_proof(out.rule))
    out.what = said.enhanced.subject == 2 ? smtp::bounce_class::mailbox_disabled
                                          : smtp::bounce_class::policy;
  // A name server that failed for days is no proof that there is no domain.
  const bool was_passing = r.said.code / 100 == 4 || r.said.enhanced.status_class == 4;
  if (out.what == smtp::bounce_class::bad_domain && was_passing)
    out.what = smtp::bounce_class::routing;
  return out;
}

}  // namespace consentry::reputation
