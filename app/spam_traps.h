// Addresses that nobody who consents can have: mail to them says that a list was collected or
// bought (RULES A2 5.3). The operator keeps the list; it is told to nobody.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_set>

namespace consentry::app {

class spam_traps {
 public:
  static constexpr std::size_t count_max = 1'000'000;

  // A line each: an address, or @domain for all of a domain; # begins a comment. Throws
  // configuration_error with the line.
  static spam_traps read(const std::filesystem::path& file);
  static spam_traps parse(std::string_view text, const std::string& name);

  // key: smtp::mailbox::key().
  bool contains(std::string_view key) const;
  std::size_t size() const noexcept { return keys_.size(); }

 private:
  std::unordered_set<std::string> keys_;  // mailbox keys, and "@domain"
};

}  // namespace consentry::app
