// One view's words, phrases and expressions, compiled. The rarest words of each phrase are asked
// for: those with edges at each word of the text (word_index.h), those that may stand inside of
// others by Hyperscan, as expressions are. Our own code looks at what stands around them
// (anchor_table.h, phrase_match.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "filters/anchor_table.h"
#include "filters/database_cache.h"
#include "filters/hyperscan_engine.h"
#include "filters/pattern_file.h"
#include "filters/phrase_match.h"
#include "filters/view_hit.h"
#include "filters/word_index.h"

namespace consentry::filters {

// add() each pattern, compile() once, then search() from any thread.
class view_search {
 public:
  explicit view_search(int view) : view_{view} {}
  view_search(const view_search&) = delete;
  view_search& operator=(const view_search&) = delete;

  // Throws std::invalid_argument for words that cannot be written so. The pattern is only read.
  void add(std::uint32_t index, const pattern& p);
  // Throws configuration_error "file:line: id: text" for what Hyperscan refuses.
  void compile(hyperscan_scratch& scratch, const database_cache& cache);
  bool is_empty() const noexcept { return is_empty_; }
  // Whether no hit reaches beyond a blank line: true of words, and of expressions that cannot.
  bool is_by_paragraphs() const noexcept { return is_by_paragraphs_; }

  // Every hit in a text of this view (`sought` is made here), of at most 4 GiB; where `changed`
  // names places, those with a word (or expression) that touches one. `complete` becomes false
  // where there were too many to weigh.
  std::vector<view_hit> search(searched_text text, hs_scratch* scratch, bool& complete) const;

 private:
  // While patterns are added.
  struct gathered_word {
    bool may_begin_inside = false;
    bool may_end_inside = false;
    bool is_free_in_links = false;
    double frequency = 0;
    std::string user;  // "file:line: id", for errors
    std::vector<word_user> users;
  };
  struct expression {
    std::string text;
    std::string user;
    std::vector<hit_owner> owners;
    bool is_of_links = false;  // some pattern names that zone; what prices look like, tokens do too
  };
  struct phrase_entry {
    compiled_phrase phrase;
    std::vector<hit_owner> owners;  // several patterns may share a phrase
  };
  // What the engine seeks in texts; and in links, where long words need no edges.
  struct engine {
    hyperscan_engine pieces;
    std::vector<std::pair<bool, std::uint32_t>> names;  // an expression's index, or a word's id
  };
  using place = std::pair<std::uint32_t, text_range>;

  compiled_phrase compile_phrase(const pattern_piece& piece, const pattern& user);
  void gather(std::uint32_t phrase, const std::string& user);
  void share_out();
  bool ask_index(anchor_hits& found, const searched_text& text) const;
  bool ask_index(anchor_hits& found, const searched_text& text, text_range within) const;
  bool ask_engine(anchor_hits& found, std::vector<place>& regular, const searched_text& text,
                  hs_scratch* scratch) const;
  bool match_begun(const anchor_hits& found, const searched_text& text,
                   std::vector<view_hit>& out) const;
  bool allow_around(const searched_text& text, std::vector<view_hit>& hits) const;

  int view_;
  bool is_empty_ = true;
  bool is_by_paragraphs_ = true;
  std::unordered_map<std::string, gathered_word> gathered_;     // until compile()
  std::unordered_map<std::string, std::size_t> known_phrases_;  // the same: language and words
  std::vector<phrase_entry> phrases_;
  std::vector<expression> expressions_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> wide_allowances_;  // pattern: phrases with ..
  engine texts_;
  engine links_;
  word_index index_;
  anchor_table table_;
};

}  // namespace consentry::filters
