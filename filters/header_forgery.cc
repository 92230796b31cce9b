#include "filters/header_forgery.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "filters/confusable_domain.h"
#include "filters/link_host.h"
#include "filters/text_view.h"
#include "smtp/address.h"
#include "smtp/mime/header_text.h"

namespace consentry::filters {
namespace {

using smtp::mime::header_field;
using smtp::mime::header_mailbox;
using smtp::mime::walked_message;

// RFC 5322 section 3.6, RFC 2045: at most one of each.
constexpr std::string_view singletons[] = {"date",
                                           "sender",
                                           "reply-to",
                                           "to",
                                           "cc",
                                           "bcc",
                                           "message-id",
                                           "in-reply-to",
                                           "references",
                                           "subject",
                                           "mime-version",
                                           "content-type",
                                           "content-transfer-encoding"};

// Top-level domains by which a name in running text is taken for a domain: "St.Mary" is none.
constexpr std::string_view shown_tlds[] = {
    "hu",  "com", "net", "org",  "eu",     "info", "biz",  "io",  "co",  "uk",   "de",
    "at",  "sk",  "ro",  "us",   "rs",     "hr",   "si",   "pl",  "cz",  "ch",   "gov",
    "edu", "app", "dev", "shop", "online", "site", "bank", "xyz", "top", "store"};

constexpr double forged = 10;     // enough to refuse
constexpr double suspicious = 6;  // enough to hold
constexpr double anonymous = 2;   // nobody's mail; imitates nobody
constexpr double odd = 2;

std::string_view last_label(std::string_view domain) {
  const auto dot = domain.rfind('.');
  return dot == std::string_view::npos ? domain : domain.substr(dot + 1);
}

bool is_within(std::string_view domain, std::string_view owner) {
  return domain == owner || (domain.size() > owner.size() && domain.ends_with(owner) &&
                             domain[domain.size() - owner.size() - 1] == '.');
}

// email.paypal.at is paypal.com's: the same name under a country's domain.
bool is_country_domain(std::string_view domain, std::string_view owner) {
  const auto labels = split(domain, '.');
  if (labels.size() < 2 || labels.back().size() != 2) return false;
  return labels[labels.size() - 2] == owner.substr(0, owner.find('.'));
}

// "news.ceg.co.uk" and "ceg.com" share the label "ceg"; short ones ("co", "com") prove nothing.
bool share_a_name(std::string_view a, std::string_view b) {
  for (const std::string_view x : split(a, '.')) {
    if (x.size() < 4 || x == last_label(a) || x == "mail" || x == "news") continue;
    for (const std::string_view y : split(b, '.')) {
      if (x == y) return true;
    }
  }
  return false;
}

bool is_domain_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '@' ||
         c == '_' || c == '+';
}

struct shown_name {
  std::string domain;
  bool is_address = false;
};

// Domains and addresses that a display name shows.
std::vector<shown_name> shown_names(std::string_view display) {
  std::vector<shown_name> out;
  const std::string text = ascii_folded(display);
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && is_domain_octet(text[end])) ++end;
    std::string_view word = std::string_view{text}.substr(i, end - i);
    i = end + 1;
    while (word.starts_with('.') || word.starts_with('-')) word.remove_prefix(1);
    while (word.ends_with('.') || word.ends_with('-')) word.remove_suffix(1);
    const auto at = word.rfind('@');
    const std::string_view domain = at == std::string_view::npos ? word : word.substr(at + 1);
    const auto tld = last_label(domain);
    if (domain.find('.') == std::string_view::npos || domain.size() < 4) continue;
    const bool is_known =
        std::find(std::begin(shown_tlds), std::end(shown_tlds), tld) != std::end(shown_tlds);
    const bool is_address = at != std::string_view::npos && at > 0;
    // What stands behind an @ is a domain under any top-level one.
    if (is_known || (is_address && tld.size() >= 2))
      out.push_back({std::string{domain}, is_address});
  }
  return out;
}

// A brand's name as a word of its own.
bool shows_word(std::string_view text, std::string_view name) {
  for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const bool left = at == 0 || !is_folded_letter(text[at - 1]);
    const auto end = at + name.size();
    const bool right = end == text.size() || !is_folded_letter(text[end]);
    if (left && right) return true;
  }
  return false;
}

bool is_reply_prefix(std::string_view subject) {
  const std::string s = ascii_folded(trim(subject).substr(0, 20));
  for (const std::string_view prefix :
       {"re:", "fwd:", "fw:", "vs:", "aw:", "tovabbitas:", "valasz:"}) {
    if (s.starts_with(prefix)) return true;
  }
  return false;
}

class checking {
 public:
  checking(const walked_message& mail, const sender_facts& sender,
           const std::vector<protected_brand>& brands)
      : mail_{mail}, sender_{sender}, brands_{brands} {}

  header_report run() {
    controls();
    duplicates();
    from();
    identity("sender", 1);
    identity("reply-to", 1);
    subject();
    return std::move(out_);
  }

 private:
  void find(std::string id, double weight, const header_field* field, std::string note) {
    finding f;
    f.pattern = "header." + std::move(id);
    f.category = "H8";
    f.zone = zone::header;
    f.part = "0";
    f.weight = f.score = weight;
    f.conclusive = weight >= forged;
    f.note = std::move(note);
    if (field != nullptr) {
      f.end = field->text.size();
      f.matched = printable(field->text, 190);
    }
    out_.findings.push_back(std::move(f));
  }

  // A mail without a usable address is nobody's: where ownership is judged that is refused, offline
  // it is merely odd (stored mail often lost its From).
  double without_owner() const { return sender_.is_verified ? forged : anonymous; }

  void controls() {
    bool is_bare = false;
    bool is_decoded = false;
    for (const header_field& h : mail_.headers) {
      const std::string& raw = h.raw;
      for (std::size_t i = 0; !is_bare && i < raw.size(); ++i) {
        const char next = i + 1 < raw.size() ? raw[i + 1] : '\0';
        is_bare = raw[i] == '\0' || (raw[i] == '\r' && next != '\n') ||
                  (raw[i] == '\n' && next != ' ' && next != '\t');
        if (is_bare) find("bare_control", forged, &h, h.name + " holds a bare CR, LF or NUL");
      }
      if (!is_decoded && h.text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos &&
          h.raw.find("=?") != std::string::npos) {
        is_decoded = true;
        find("decoded_newline", forged, &h, h.name + " hides a line end in an encoded word");
      }
    }
  }

  void duplicates() {
    for (const std::string_view name : singletons) {
      if (mail_.count(name) > 1) {
        find("duplicate", forged, mail_.header(name),
             std::string{name} + " stands " + std::to_string(mail_.count(name)) + " times");
        return;
      }
    }
  }

  // A-labels of the domain of an address; empty if it is no address.
  static std::string domain_of(const std::string& address) {
    const auto box = smtp::mailbox::parse(address);
    return box && !box->is_null() ? box->ascii_domain() : std::string{};
  }

  void from() {
    const header_field* field = mail_.header("from");
    if (field == nullptr) {
      find("from_missing", without_owner(), nullptr, "there is no From field");
      return;
    }
    if (mail_.count("from") > 1) {
      find("from_duplicate", forged, field, "there is more than one From field");
    }
    bool ok = false;
    const auto boxes = smtp::mime::parse_address_list(field->raw, ok);
    if (!ok || boxes.empty()) {
      find("from_syntax", without_owner(), field, "From is not an address");
      if (boxes.empty()) return;
    }
    if (boxes.size() > 1) {
      find("from_many", forged, field, "From names more than one address");
      return;
    }
    const std::string domain = domain_of(boxes.front().address);
    if (domain.empty()) {
      if (ok) find("from_syntax", without_owner(), field, "From is not an address");
      return;
    }
    if (mail_.count("from") == 1 && ok) {
      out_.from_address = boxes.front().address;
      out_.from_domain = domain;
    }
    ownership("from", field, domain);
    display(field, boxes.front(), domain);
  }

  const protected_brand* imitated(const std::string& domain) const {
    for (const protected_brand& b : brands_) {
      if (std::ranges::any_of(b.domains, [&](const auto& d) { return is_within(domain, d); }))
        return nullptr;
    }
    const std::string skeleton = domain_skeleton(domain);
    for (const protected_brand& b : brands_) {
      if (std::ranges::any_of(b.skeletons, [&](const auto& d) { return is_within(skeleton, d); }))
        return &b;
    }
    return nullptr;
  }

  void ownership(const std::string& name, const header_field* field, const std::string& domain) {
    if (is_confusable_domain(domain)) {
      find("domain_confusable", forged, field,
           "the letters of " + host_of("https://" + domain) + " imitate others");
    } else if (const auto* brand = imitated(domain)) {
      find("domain_imitates", forged, field, domain + " looks like a domain of " + brand->name);
    }
    if (sender_.is_verified && !sender_.is_verified(domain)) {
      find(name + "_unverified", forged, field, domain + " is not a verified domain of the sender");
    }
  }

  void identity(std::string_view name, std::size_t most) {
    const header_field* field = mail_.header(name);
    if (field == nullptr) return;
    std::string id{name};
    std::replace(id.begin(), id.end(), '-', '_');
    bool ok = false;
    const auto boxes = smtp::mime::parse_address_list(field->raw, ok);
    if (!ok || boxes.empty()) {
      find(id + "_syntax", forged, field, std::string{name} + " is not an address");
      return;
    }
    if (boxes.size() > most) {
      // RFC 5322 allows several in Reply-To, RULES A6 does not: "likewise", exactly one. Of stored
      // mail, whose sender is not known, that is odd, not forged.
      find(id + "_many", name == "sender" || sender_.is_verified ? forged : odd, field,
           std::string{name} + " names more than one address");
    }
    for (const header_mailbox& b : boxes) {
      const std::string domain = domain_of(b.address);
      if (domain.empty()) {
        find(id + "_syntax", forged, field, std::string{name} + " is not an address");
        return;
      }
      ownership(id, field, domain);
    }
  }

  // Another domain that the name may show: where it is not known who sends, that of a like name.
  bool may_show(const shown_name& n, const std::string& domain) const {
    // Names are shown folded: the own domain is too, if it is an internationalized one.
    const std::string own = ascii_folded(host_of("https://" + domain));
    if (is_within(domain, n.domain) || is_within(n.domain, domain)) return true;
    if (is_within(own, n.domain) || is_within(n.domain, own)) return true;
    if (sender_.is_verified) return sender_.is_verified(n.domain);
    return !n.is_address && share_a_name(n.domain, domain);
  }

  // All that a mail program may show beside the address: the name, comments, the name of a group.
  void display(const header_field* field, const header_mailbox& box, const std::string& domain) {
    std::string around = field->text;
    const auto at = around.find(box.address);
    // A quoted local part may hold what looks like another address.
    if (at != std::string::npos && !box.address.starts_with('"'))
      around.replace(at, box.address.size(), " ");
    for (const shown_name& n : shown_names(around)) {
      if (may_show(n, domain)) continue;
      if (n.is_address) {
        find("display_address", forged, field, "the name shows an address of " + n.domain);
      } else {
        find("display_domain", forged, field, "the name shows the domain " + n.domain);
      }
      return;
    }
    const std::string name = ascii_folded(around);
    const std::string joined{text_views::of(around).text(3)};
    bool shows = false;
    for (const protected_brand& b : brands_) {
      if (!shows_word(name, b.name) && !shows_word(joined, b.name)) continue;
      // A name may belong to several owners; any of them may show it.
      if (std::any_of(b.domains.begin(), b.domains.end(), [&](const std::string& d) {
            return is_within(domain, d) || is_country_domain(domain, d);
          })) {
        return;
      }
      shows = true;
    }
    if (shows) {
      find("display_brand", suspicious, field,
           "the name shows a protected brand, the address is of " + domain);
    }
  }

  void subject() {
    const header_field* field = mail_.header("subject");
    if (field == nullptr || !is_reply_prefix(field->text)) return;
    if (mail_.header("in-reply-to") != nullptr || mail_.header("references") != nullptr) return;
    find("subject_reply", odd, field, "the subject claims to answer, but the mail answers none");
  }

  const walked_message& mail_;
  const sender_facts& sender_;
  const std::vector<protected_brand>& brands_;
  header_report out_;
};

}  // namespace

header_report check_headers(const walked_message& mail, const sender_facts& sender,
                            const std::vector<protected_brand>& brands) {
  return checking{mail, sender, brands}.run();
}

}  // namespace consentry::filters
