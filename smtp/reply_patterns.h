// Patterns on what servers reply: for classes of bounces and for pacing. The one place that knows
// RE2, whose time is linear in the text and whose memory is bounded, whatever a pattern says.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "smtp/reply.h"

namespace consentry::smtp {

// A set of expressions that are sought in a text at once. Case does not matter, "." is no line end.
// Immutable once compiled; any thread.
class reply_patterns {
 public:
  reply_patterns();
  ~reply_patterns();
  reply_patterns(reply_patterns&&) noexcept;
  reply_patterns& operator=(reply_patterns&&) noexcept;

  // The words that RE2 has against the expression; success: its number, counted from 0. Only before
  // compile().
  result<int> add(const std::string& expression);
  // False: the set is too large for its memory (8 MiB).
  bool compile();

  // Numbers of all that match somewhere in the text, ascending. Texts are cut at 4 KiB.
  std::vector<int> matches(std::string_view text) const;
  bool empty() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

// What patterns are sought in: "421 4.7.28 text", lines joined with a blank.
std::string text_for_patterns(const reply& r);

}  // namespace consentry::smtp
