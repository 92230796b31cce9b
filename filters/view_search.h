// One view's words, phrases and expressions, compiled. The one door to Hyperscan: it seeks the
// rarest words of each phrase, our own code looks at what stands around them (phrase_match.h).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/database_cache.h"
#include "filters/pattern_file.h"
#include "filters/phrase_match.h"
#include "filters/view_hit.h"

struct hs_database;
struct hs_scratch;

namespace consentry::filters {

// Space that the engine writes to while it searches: each search borrows one, clones are kept.
// Any thread.
class scratch_pool {
 public:
  scratch_pool() = default;
  ~scratch_pool();
  scratch_pool(const scratch_pool&) = delete;
  scratch_pool& operator=(const scratch_pool&) = delete;

  // Before the first borrowing.
  void make_room_for(const hs_database* database);
  bool is_empty() const noexcept { return prototype_ == nullptr; }

  // Gives it back, whatever happens meanwhile.
  class lease {
   public:
    explicit lease(scratch_pool& pool) : pool_{pool}, scratch_{pool.borrow()} {}
    ~lease() { pool_.give_back(scratch_); }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    hs_scratch* get() const noexcept { return scratch_; }

   private:
    scratch_pool& pool_;
    hs_scratch* scratch_;
  };

 private:
  hs_scratch* borrow();
  void give_back(hs_scratch* s);

  hs_scratch* prototype_ = nullptr;
  std::mutex lock_;
  std::vector<hs_scratch*> free_;
};

// add() each pattern, compile() once, then search() from any thread.
class view_search {
 public:
  explicit view_search(int view) : view_{view} {}
  ~view_search();
  view_search(const view_search&) = delete;
  view_search& operator=(const view_search&) = delete;

  // Throws std::invalid_argument for words that cannot be written so. The pattern is only read.
  void add(std::uint32_t index, const pattern& p);
  // Throws configuration_error "file:line: id: text" for what Hyperscan refuses.
  void compile(scratch_pool& scratch, const database_cache& cache);
  bool is_empty() const noexcept { return database_ == nullptr; }
  // Whether no hit reaches beyond a blank line: true of words, and of expressions that cannot.
  bool is_by_paragraphs() const noexcept { return is_by_paragraphs_; }
  // After compile(): no hit is longer, but for those of expressions without a bound.
  std::size_t reach() const noexcept { return reach_; }
  bool is_bounded() const noexcept { return is_bounded_; }

  // Every hit in a text of this view (`sought` is made here), of at most 4 GiB. `complete` becomes
  // false where there were too many to weigh.
  std::vector<view_hit> search(searched_text text, hs_scratch* scratch, bool& complete) const;

 private:
  // A string or a regular expression, as the engine knows it: by its index.
  struct expression {
    std::string text;
    bool is_regular = false;
    bool may_begin_inside = false;  // of a word: some phrase has "~" before it
    bool may_end_inside = false;    // of a word: some phrase lets it go on
    bool is_free_in_links = false;  // some phrase asks for no edges there
    std::string user;               // "file:line: id", for errors
    std::vector<hit_owner> owners;  // of a regular expression
    std::vector<std::pair<std::uint32_t, anchor_word>> anchors;  // of phrases
  };
  struct phrase_entry {
    compiled_phrase phrase;
    std::vector<hit_owner> owners;  // several patterns may share a phrase
  };
  // The same laid out for on_match(), which is called for every second octet of some texts.
  struct flat_anchor {
    const compiled_phrase* phrase = nullptr;
    std::uint32_t number = 0;  // of the phrase
    anchor_word word;
  };
  struct flat_string {
    std::uint32_t octets = 0;
    std::uint32_t first_anchor = 0;
    std::uint32_t end_anchor = 0;
    bool is_regular = false;
    bool needs_begin = false;  // an edge of a word there
    bool needs_end = false;
    bool needs_edges_in_links = false;
  };
  struct findings;

  std::uint32_t know(const std::string& text, bool is_regular, const std::string& user);
  compiled_phrase compile_phrase(const pattern_piece& piece, const pattern& user);
  void seek(std::uint32_t phrase, const std::string& user);
  struct engine_input;
  engine_input input() const;
  bool take_from(const database_cache& cache, const std::string& key);
  void keep_in(const database_cache& cache, const std::string& key) const;
  findings scan(const searched_text& text, hs_scratch* scratch, bool& complete) const;
  void flatten();
  void measure_expression(const expression& e, unsigned flags);
  static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                      void* context);

  int view_;
  hs_database* database_ = nullptr;
  std::size_t reach_ = 0;
  bool is_by_paragraphs_ = true;
  bool is_bounded_ = true;
  std::vector<expression> expressions_;
  std::vector<std::uint32_t> sought_;                 // the engine's ids: indices of expressions_
  std::map<std::string, std::uint32_t> known_;        // expression to index
  std::map<std::string, std::size_t> known_phrases_;  // language and words to index
  std::vector<phrase_entry> phrases_;
  std::vector<flat_string> strings_;  // as expressions_
  std::vector<flat_anchor> anchors_;
};

}  // namespace consentry::filters
