// All patterns compiled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/database_cache.h"
#include "filters/paragraph_memo.h"
#include "filters/pattern_file.h"
#include "filters/text_view.h"

namespace consentry::filters {

// A pattern's hit in one text: octets of the original text. Hits that an allow piece covers are
// gone already.
struct hit {
  std::uint32_t pattern = 0;  // index in pattern_database::patterns()
  int view = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Immutable; any thread may search at the same time (scratch space is pooled).
class pattern_database {
 public:
  // Compiles off the path, seconds at most; or takes what was compiled before from the cache.
  // Throws configuration_error "file:line: text" for a piece that Hyperscan refuses, a group that
  // nobody is in, an id given twice.
  explicit pattern_database(pattern_set set, const database_cache& cache = database_cache{});
  ~pattern_database();
  pattern_database(pattern_database&&) noexcept;
  pattern_database& operator=(pattern_database&&) noexcept;

  const std::vector<pattern>& patterns() const noexcept;
  // Groups have numbers here, below group_count().
  static constexpr std::uint32_t no_group = UINT32_MAX;
  static constexpr std::uint32_t link_group = 0;  // "link", whose places are the message's links
  std::size_t group_count() const noexcept;
  std::uint32_t group_of(std::uint32_t pattern) const noexcept;
  const std::vector<std::uint32_t>& required_groups(std::uint32_t pattern) const noexcept;
  const std::vector<protected_brand>& brands() const noexcept;
  const url_lists& lists() const noexcept;
  const content_model& model() const noexcept;

  // Every hit in a text of that zone, by begin. In links, words of seven letters and more need no
  // edges (onlinekaszino24.hu). `complete` becomes false where there were too many hits to keep:
  // beyond tens of thousands it does not search on.
  //
  // memo: of the message that the text is a part of; what it knows is not searched again.
  // words: where the text's are added, for the model.
  std::vector<hit> search(std::string_view text, zone where, bool& complete,
                          paragraph_memo* memo = nullptr, text_words* words = nullptr) const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// A sample that stands with a pattern and does not do what it should, with its place.
struct sample_problem {
  std::string file;
  int line = 0;
  int column = 0;
  std::string text;  // "hu.S3.kaszino does not match \"..\""
};
std::vector<sample_problem> failed_samples(const pattern_database& database);

}  // namespace consentry::filters
