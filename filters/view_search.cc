#include "filters/view_search.h"

#include <hs/hs.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <new>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/text.h"
#include "filters/text_view.h"

namespace consentry::filters {
namespace {

// In one text of 256 KiB (pattern_database.cc). An ordinary one has a few thousand.
constexpr std::size_t engine_hits_max = 200'000;
constexpr std::size_t words_tried_max = 10'000'000;
constexpr std::size_t hits_max = 100'000;
constexpr std::size_t octets_compared_max = 128u << 20;

constexpr std::size_t open_stem_octets_min = 5;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view{"\\^$.|?*+()[]{}"}.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// A class that leaves out the line end, a dot, and letters of the pattern's own do not.
bool may_match_line_end(std::string_view expression) {
  for (const std::string_view part : {"\\s", "\\S", "\\W", "\\D", "\\n", "\\R", "\\v", "\\x", "\\N",
                                      "\\C", "\\p", "\\P", "(?s", "[:"}) {
    const auto at = expression.find(part);
    if (at == std::string_view::npos) continue;
    // "[^\n]" is what most have it for.
    if (part == "\\n" && at >= 2 && expression.substr(at - 2, 2) == "[^" &&
        expression.find(part, at + 1) == std::string_view::npos)
      continue;
    return true;
  }
  for (auto at = expression.find("[^"); at != std::string_view::npos;
       at = expression.find("[^", at + 2))
    if (expression.substr(at + 2, 2) != "\\n") return true;
  return false;
}

bool is_plain_letter(char c) {
  return c >= 'a' && c <= 'z';
}

// Where a phrase is to be looked for: around the ends of its rarest words, ascending.
std::vector<text_range> surroundings(const compiled_phrase& phrase,
                                     const std::vector<std::uint32_t>& ends) {
  std::vector<text_range> out;
  for (const std::size_t end : ends) {
    const std::size_t begin = end < phrase.reach_before ? 0 : end - phrase.reach_before;
    if (!out.empty() && begin <= out.back().end) {
      out.back().end = end + phrase.reach;
    } else {
      out.push_back({begin, end + phrase.reach});
    }
  }
  return out;
}

}  // namespace

scratch_pool::~scratch_pool() {
  for (hs_scratch* s : free_) hs_free_scratch(s);
  hs_free_scratch(prototype_);
}

void scratch_pool::make_room_for(const hs_database* database) {
  if (hs_alloc_scratch(database, &prototype_) != HS_SUCCESS) throw std::bad_alloc{};
}

hs_scratch* scratch_pool::borrow() {
  {
    const std::lock_guard lock{lock_};
    if (!free_.empty()) {
      hs_scratch* s = free_.back();
      free_.pop_back();
      return s;
    }
  }
  hs_scratch* s = nullptr;
  if (hs_clone_scratch(prototype_, &s) != HS_SUCCESS) throw std::bad_alloc{};
  return s;
}

void scratch_pool::give_back(hs_scratch* s) {
  const std::lock_guard lock{lock_};
  free_.push_back(s);
}

// What the engine found in one text.
struct view_search::findings {
  const view_search* search = nullptr;
  const searched_text* text = nullptr;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> phrases;  // phrase, end of an anchor
  std::vector<std::pair<std::uint32_t, text_range>> whole;       // phrases: hits
  std::vector<std::pair<std::uint32_t, text_range>> regular;     // expressions
  std::size_t words_tried = 0;
  bool overflowed = false;
};

view_search::~view_search() {
  hs_free_database(database_);
}

std::uint32_t view_search::know(const std::string& text, bool is_regular, const std::string& user) {
  const auto [at, is_new] = known_.try_emplace((is_regular ? 'r' : 's') + text,
                                               static_cast<std::uint32_t>(expressions_.size()));
  if (is_new) {
    expressions_.push_back({text, is_regular, false, false, false, user, {}, {}});
  }
  return at->second;
}

namespace {

// Drawn-out letters are read as single ones: "asssholes" as "asholes". Only of long words: short
// ones would become others.
constexpr std::size_t singled_letters_min = 5;
std::string singled(const std::string& word) {
  std::string out;
  for (const char c : word) {
    if (out.empty() || c != out.back() || !is_plain_letter(c)) out += c;
  }
  return out.size() < singled_letters_min ? word : out;
}

void add_singled_choices(compiled_segment& segment) {
  const auto given = segment.choices;
  for (auto choice : given) {
    bool is_other = false;
    for (compiled_word& w : choice) {
      std::string single = singled(w.text);
      is_other = is_other || single != w.text;
      w.text = std::move(single);
    }
    if (is_other) segment.choices.push_back(std::move(choice));
  }
}

}  // namespace

compiled_phrase view_search::compile_phrase(const pattern_piece& piece, const pattern& user) {
  const phrase parsed = parse_phrase(piece.text, view_);
  compiled_phrase out{{}, user.language, parsed.is_single, 0, 0, 0};
  for (const phrase_segment& s : parsed.segments) {
    compiled_segment segment{s.after_gap, {}};
    for (const auto& choice : s.choices) {
      auto& words = segment.choices.emplace_back();
      for (const phrase_word& w : choice) {
        // Behind three or four letters anything may follow by chance ("mlm~" in a stranger's name):
        // only real endings then.
        const bool is_short = w.text.size() < open_stem_octets_min;
        const auto tail = is_short && w.tail == word_tail::open ? word_tail::inflected : w.tail;
        words.push_back({w.text, w.has_open_head, tail, true, 0});
      }
    }
    if (view_ == 3) add_singled_choices(segment);
    out.segments.push_back(std::move(segment));
  }
  measure(out, view_);
  return out;
}

void view_search::seek(std::uint32_t phrase, const std::string& user) {
  const compiled_phrase& p = phrases_[phrase].phrase;
  for (const anchor_word& a : anchors_of(p)) {
    const compiled_word& w = p.segments[p.rarest].choices[a.choice][a.word];
    expression& e = expressions_[know(w.text, false, user)];
    e.may_begin_inside = e.may_begin_inside || w.has_open_head;
    e.may_end_inside = e.may_end_inside || w.tail != word_tail::none;
    e.is_free_in_links =
        e.is_free_in_links || (p.is_single && w.text.size() >= unedged_letters_min);
    e.anchors.emplace_back(phrase, a);
  }
}

void view_search::add(std::uint32_t index, const pattern& p) {
  for (const bool is_allow : {false, true}) {
    for (const pattern_piece& piece : is_allow ? p.allow : p.pieces) {
      const std::string user = p.file + ":" + std::to_string(piece.line) + ": " + p.id;
      if (piece.is_expression) {
        is_by_paragraphs_ = is_by_paragraphs_ && !may_match_line_end(piece.text);
        expressions_[know(piece.text, true, user)].owners.push_back({index, is_allow});
        continue;
      }
      const auto [at, is_new] =
          known_phrases_.try_emplace(p.language + piece.text, phrases_.size());
      if (is_new) {
        phrases_.push_back({compile_phrase(piece, p), {}});
        reach_ = std::max(reach_, phrases_.back().phrase.reach);
        seek(static_cast<std::uint32_t>(at->second), user);
      }
      phrases_[at->second].owners.push_back({index, is_allow});
    }
  }
}

// What the engine compiles.
struct view_search::engine_input {
  std::vector<std::string> texts;
  std::vector<unsigned> flags;

  // Of all that the compiled database depends on.
  std::string key() const {
    byte_writer all;
    all.text(hs_version()).varint(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) all.text(texts[i]).varint(flags[i]);
    return hex(as_bytes(sha256(all.bytes())));
  }
};

view_search::engine_input view_search::input() const {
  engine_input in;
  for (const expression& e : expressions_) {
    in.texts.push_back(e.is_regular ? e.text : escaped(e.text));
    const unsigned utf8 = view_ == 1 ? HS_FLAG_UTF8 : 0;
    // Strings are folded like the text, and have one length; only expressions need more.
    in.flags.push_back(e.is_regular ? utf8 | HS_FLAG_CASELESS | HS_FLAG_SOM_LEFTMOST : utf8);
  }
  return in;
}

// The engine itself checks version, platform and a sum of what it is given.
bool view_search::take_from(const database_cache& cache, const std::string& key) {
  const auto bytes = cache.find(key);
  return bytes && hs_deserialize_database(bytes->data(), bytes->size(), &database_) == HS_SUCCESS;
}

void view_search::keep_in(const database_cache& cache, const std::string& key) const {
  char* bytes = nullptr;
  std::size_t length = 0;
  if (hs_serialize_database(database_, &bytes, &length) != HS_SUCCESS) return;
  cache.keep(key, {bytes, length});
  std::free(bytes);  // NOLINT(cppcoreguidelines-no-malloc): the engine's own
}

void view_search::compile(scratch_pool& scratch, const database_cache& cache) {
  if (expressions_.empty()) return;
  flatten();
  const engine_input in = input();
  for (std::size_t i = 0; i < expressions_.size(); ++i)
    measure_expression(expressions_[i], in.flags[i]);
  const std::string key = in.key();
  if (!take_from(cache, key)) {
    std::vector<const char*> pointers;
    std::vector<unsigned> ids;
    for (const std::string& t : in.texts) {
      pointers.push_back(t.c_str());
      ids.push_back(static_cast<unsigned>(ids.size()));
    }
    hs_compile_error_t* error = nullptr;
    if (hs_compile_multi(pointers.data(), in.flags.data(), ids.data(),
                         static_cast<unsigned>(pointers.size()), HS_MODE_BLOCK, nullptr, &database_,
                         &error) != HS_SUCCESS) {
      const std::string why = error->message;
      const int at = error->expression;
      hs_free_compile_error(error);
      if (at < 0) throw configuration_error{"patterns: " + why};
      throw configuration_error{expressions_[static_cast<std::size_t>(at)].user + ": " + why};
    }
    keep_in(cache, key);
  }
  scratch.make_room_for(database_);
}

// The compiler names what it refuses; here nothing is said of it.
void view_search::measure_expression(const expression& e, unsigned flags) {
  if (!e.is_regular) return;
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_expression_info(e.text.c_str(), flags, &info, &error) != HS_SUCCESS) {
    hs_free_compile_error(error);
    return;
  }
  if (info->max_width == UINT_MAX)
    is_bounded_ = false;
  else
    reach_ = std::max<std::size_t>(reach_, info->max_width);
  std::free(info);
}

void view_search::flatten() {
  for (const expression& e : expressions_) {
    flat_string s;
    s.octets = static_cast<std::uint32_t>(e.text.size());
    s.is_regular = e.is_regular;
    s.first_anchor = static_cast<std::uint32_t>(anchors_.size());
    for (const auto& [phrase, word] : e.anchors) {
      anchors_.push_back({&phrases_[phrase].phrase, phrase, word});
    }
    s.end_anchor = static_cast<std::uint32_t>(anchors_.size());
    s.needs_begin = !e.may_begin_inside && is_plain_letter(e.text.front());
    s.needs_end = !e.may_end_inside && is_plain_letter(e.text.back());
    s.needs_edges_in_links = !e.is_free_in_links;
    strings_.push_back(s);
  }
}

// Leaves out what stands inside of other words where no phrase allows that: most of the hits.
int view_search::on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned,
                          void* context) {
  auto& found = *static_cast<findings*>(context);
  const flat_string& s = found.search->strings_[id];
  if (s.is_regular) {
    found.regular.push_back({id, {static_cast<std::size_t>(from), static_cast<std::size_t>(to)}});
  } else {
    const auto end = static_cast<std::size_t>(to);
    const std::size_t begin = end - s.octets;
    const std::string_view text = found.text->seen;
    if (!found.text->is_link || s.needs_edges_in_links) {
      const auto is_inside = [&](std::size_t at) {
        return at > 0 && at < text.size() && is_plain_letter(text[at - 1]) &&
               is_plain_letter(text[at]) && !found.text->has_soft_edge(at);
      };
      if ((s.needs_begin && is_inside(begin)) || (s.needs_end && is_inside(end))) return 0;
    }
    for (std::uint32_t i = s.first_anchor; i < s.end_anchor; ++i) {
      const flat_anchor& a = found.search->anchors_[i];
      found.words_tried += a.phrase->words;
      const anchor_match m = match_anchor(*a.phrase, a.word, *found.text, end);
      if (m.is_whole) {
        for (const text_range& r : m.places) found.whole.emplace_back(a.number, r);
      } else if (!m.places.empty()) {
        found.phrases.emplace_back(a.number, static_cast<std::uint32_t>(end));
      }
    }
  }
  found.overflowed =
      found.words_tried > words_tried_max ||
      found.phrases.size() + found.whole.size() + found.regular.size() > engine_hits_max;
  return found.overflowed ? 1 : 0;
}

view_search::findings view_search::scan(const searched_text& text, hs_scratch* scratch,
                                        bool& complete) const {
  findings found{this, &text, {}, {}, {}, 0, false};
  const hs_error_t code =
      hs_scan(database_, text.sought.data(), static_cast<unsigned>(text.sought.size()), 0, scratch,
              on_match, &found);
  if (found.overflowed || code != HS_SUCCESS) complete = false;
  std::sort(found.phrases.begin(), found.phrases.end());
  return found;
}

std::vector<view_hit> view_search::search(searched_text text, hs_scratch* scratch,
                                          bool& complete) const {
  text.view = view_;
  text.sought = text.seen;
  std::string with_i;
  if (view_ == 3) {
    with_i = text.seen;
    std::replace(with_i.begin(), with_i.end(), 'l', 'i');
    text.sought = with_i;
  }
  const findings found = scan(text, scratch, complete);
  std::vector<view_hit> out;
  const auto keep = [&](const std::vector<hit_owner>& owners, text_range range) {
    for (const hit_owner& o : owners) out.push_back({o, range.begin, range.end});
  };
  for (const auto& [n, range] : found.whole) keep(phrases_[n].owners, range);
  std::size_t compared = 0;
  std::vector<std::uint32_t> ends;
  for (auto at = found.phrases.begin(); at != found.phrases.end();) {
    const std::uint32_t n = at->first;
    ends.clear();
    for (; at != found.phrases.end() && at->first == n; ++at) ends.push_back(at->second);
    const phrase_entry& e = phrases_[n];
    for (const text_range& within : surroundings(e.phrase, ends)) {
      compared += (within.end - within.begin) * e.phrase.words;
      if (compared > octets_compared_max || out.size() > hits_max) {
        complete = false;
        return out;
      }
      for (const text_range& r : match_phrase(e.phrase, text, within)) keep(e.owners, r);
    }
  }
  for (const auto& [id, range] : found.regular) {
    if (has_word_edges(text.seen, view_, range)) keep(expressions_[id].owners, range);
  }
  return out;
}

}  // namespace consentry::filters
