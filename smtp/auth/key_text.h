// Public keys from a text instead of the DNS: for `consentry dkim verify` and tests.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace consentry::smtp::auth {

// Lines as a zone file or a person writes them:
//   s1._domainkey.example.hu. 300 IN TXT "v=DKIM1; k=rsa; " "p=..."
//   s1._domainkey.example.hu v=DKIM1; k=rsa; p=...
//   s1._domainkey.example.hu: v=DKIM1; k=rsa; p=...
// A backslash at its end joins a line with the next, so do parentheses; "#" and ";" begin comment
// lines. A name may occur several times. A value TEMPERROR or PERMERROR makes the lookup fail so.
// Immutable once parsed; any thread.
class key_text {
 public:
  // invalid: "line 3: no key record".
  static result<key_text> parse(std::string_view text);

  // A key_lookup. not_found if the name has no record.
  result<std::vector<std::string>> operator()(const std::string& name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> records_;
};

// Line ends as they stand in mail: LF and CR alone become CRLF, and the last line has one too (a
// signature made over a message without it would not survive SMTP).
std::string to_crlf(std::string_view text);

}  // namespace consentry::smtp::auth
