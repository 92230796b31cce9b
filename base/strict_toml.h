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
#include <utility>
#include <vector>

#include "base/result.h"

namespace consentry {

// One thing that is wrong. Lines and columns count from 1; 0: unknown.
struct toml_problem {
  std::string file;
  int line = 0;
  int column = 0;
  std::string text;
  std::string hint;  // "did you mean \"weight\"?"; may be empty
};

// what() is "file:line: text".
class toml_error : public configuration_error {
 public:
  explicit toml_error(toml_problem p);
  const toml_problem& problem() const noexcept { return problem_; }

 private:
  toml_problem problem_;
};

// While one lives, the readers of its thread note what is wrong and go on with the default, so that
// all of a file's errors are seen at once. What was read meanwhile is not to be used. One at a
// time.
class toml_problem_collector {
 public:
  toml_problem_collector();
  ~toml_problem_collector();
  toml_problem_collector(const toml_problem_collector&) = delete;
  toml_problem_collector& operator=(const toml_problem_collector&) = delete;

  void note(toml_problem p) { problems_.push_back(std::move(p)); }
  std::vector<toml_problem> take() { return std::exchange(problems_, {}); }

  static toml_problem_collector* current() noexcept;

 private:
  std::vector<toml_problem> problems_;
};

// Runs f. Where it fails under a collector, notes that and gives false: the rest can be read on.
template <class F>
bool read_or_note(F f) {
  try {
    f();
    return true;
  } catch (const toml_error& e) {
    auto* const collector = toml_problem_collector::current();
    if (collector == nullptr) throw;
    collector->note(e.problem());
    return false;
  }
}

// A text in a list, with its own place.
struct placed_text {
  std::string text;
  int line = 0;
  int column = 0;
};

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
  std::vector<placed_text> placed_texts(std::string_view key);

  // A value out of a closed list; choices are shown in the error.
  std::string choice(std::string_view key, std::string otherwise,
                     const std::vector<std::string>& choices);

  // An absent table reads as an empty one.
  toml_section section(std::string_view key);
  std::vector<toml_section> sections(std::string_view key);  // [[key]]; empty if absent
  std::vector<std::string> keys() const;

  // Throws for the first unknown key. Call it after the last getter, on every section.
  void finish() const;

  // A toml_error for the place of a key (of the table, if the key is absent).
  [[noreturn]] void fail(std::string_view key, const std::string& text) const;
  [[noreturn]] void fail(const placed_text& at, const std::string& text) const;
  int line_of(std::string_view key) const;
  int line() const;
  const std::string& file() const;

 private:
  struct node;
  explicit toml_section(std::shared_ptr<node> n);
  toml_problem problem_at(std::string_view key, std::string text, std::string hint = {}) const;
  // Notes it where somebody collects; throws it else.
  void complain(std::string_view key, std::string text, std::string hint = {}) const;
  std::shared_ptr<node> node_;
};

}  // namespace consentry
