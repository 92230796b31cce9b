// Configuration files are read strictly: what is not asked for is an unknown key, what does not fit
// is refused, and every error is a configuration_error "file:line: text". Used by settings,
// policies, patterns and reporters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace consentry {

// One table of a document. Cheap to copy; keeps the document alive. Each getter marks its key as
// known; finish() refuses the keys that nobody asked for.
class toml_section {
 public:
  // Throws configuration_error: unreadable, larger than 8 MiB, or not TOML.
  static toml_section from_file(const std::filesystem::path& file);
  static toml_section from_text(std::string_view text, const std::string& name);

  bool has(std::string_view key) const;

  std::string text(std::string_view key, std::string otherwise);
  std::string required_text(std::string_view key);
  std::int64_t integer(std::string_view key, std::int64_t otherwise,
                       std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t most = std::numeric_limits<std::int64_t>::max());
  double number(std::string_view key, double otherwise, double least, double most);
  bool flag(std::string_view key, bool otherwise);
  std::vector<std::string> texts(std::string_view key);  // empty if absent

  // A value out of a closed list; choices are shown in the error.
  std::string choice(std::string_view key, std::string otherwise,
                     const std::vector<std::string>& choices);

  // An absent table reads as an empty one.
  toml_section section(std::string_view key);
  std::vector<toml_section> sections(std::string_view key);  // [[key]]; empty if absent
  std::vector<std::string> keys() const;

  // Throws for the first unknown key. Call it after the last getter, on every section.
  void finish() const;

  // "file:line: text" for the place of a key (of the table, if the key is absent).
  [[noreturn]] void fail(std::string_view key, const std::string& text) const;
  int line_of(std::string_view key) const;
  int line() const;
  const std::string& file() const;

 private:
  struct node;
  explicit toml_section(std::shared_ptr<node> n);
  std::shared_ptr<node> node_;
};

}  // namespace consentry
