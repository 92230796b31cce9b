// Mailboxes as they stand in MAIL FROM and RCPT TO (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace consentry::smtp {

// A syntactically valid mailbox, as given: "Jane.Doe@Example.HU". The empty one is the null reverse
// path "<>".
class mailbox {
 public:
  mailbox() = default;

  // Strict: dot-atom or quoted local part (64 octets), domain (255) or address literal, 254 in all;
  // UTF-8 only where allow_utf8. Comments, folding white space, obsolete forms and control
  // characters are refused. failure::public_text says what is wrong ("local part longer than 64
  // octets").
  static result<mailbox> parse(std::string_view text, bool allow_utf8 = true);

  bool is_null() const noexcept { return local_.empty() && domain_.empty(); }
  const std::string& local() const noexcept { return local_; }    // as given, quotes included
  const std::string& domain() const noexcept { return domain_; }  // as given
  bool is_ascii() const noexcept;                                 // false: needs SMTPUTF8

  // The domain as lower-case A-labels (IDNA 2008 by libidn2), literals as given. What DNS and
  // routes are asked for.
  const std::string& ascii_domain() const noexcept { return ascii_domain_; }

  std::string text() const;  // local@domain, as given; "" for the null path

  // What consents, suppressions and counters are keyed by (RULES A1.2): local part lower-cased
  // (Unicode) and unquoted where the quotes change nothing, "@", ascii_domain(). No folding of dots
  // or plus.
  std::string key() const;

  friend bool operator==(const mailbox& a, const mailbox& b) = default;

 private:
  std::string local_;
  std::string domain_;
  std::string ascii_domain_;
};

// Lower-case A-label form of a host or domain name; invalid if it is none.
result<std::string> ascii_domain(std::string_view domain);

}  // namespace consentry::smtp
