// The words that name one person in clear: what an erasure looks for where texts are kept as they
// came. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace consentry::queue {

class named_person {
 public:
  // address: mailbox key; the forms in which it stands in return paths, URLs and quoted-printable
  // text are looked for too. name: declared, may be empty; shorter ones than four bytes name
  // nobody.
  named_person(std::string_view address, std::string_view name);

  // ASCII letters in any case.
  bool is_in(std::string_view text) const;        // the address in any form
  bool is_named_in(std::string_view text) const;  // that, or the name
  // Where the address stands in any form, and the name within a row's length of it: offset, bytes.
  std::vector<std::pair<std::size_t, std::size_t>> places_in(std::string_view text) const;
  // With "(erased)" in their place.
  std::string without(std::string_view text) const;
  // A message (header and body) in which another address stands for theirs, of no existing domain;
  // in To, Cc and the other header fields that name them, the name goes too. Lines stay lines.
  std::string redacted(std::string_view message) const;

  const std::string& address() const noexcept { return address_; }

 private:
  std::string address_;
  std::string name_;
  std::vector<std::string> forms_;  // lower case
};

}  // namespace consentry::queue
