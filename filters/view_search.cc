#include "filters/view_search.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "filters/text_view.h"

namespace consentry::filters {
namespace {

// In one text of 256 KiB (pattern_database.cc). An ordinary one has a few thousand.
constexpr std::size_t expression_hits_max = 200'000;
constexpr std::size_t hits_max = 100'000;
constexpr std::size_t octets_compared_max = 128u << 20;

constexpr std::size_t open_stem_octets_min = 5;

// A class that leaves out the line end, a dot, and letters of the pattern's own do not.
bool may_match_line_end(std::string_view expression) {
  constexpr std::string_view no_line_end = "[^\\n";
  std::string rest;  // without what most have a class for
  for (std::size_t at = 0; at < expression.size();) {
    const bool is_safe = expression.substr(at).starts_with(no_line_end);
    if (!is_safe) rest += expression[at];
    at += is_safe ? no_line_end.size() : 1;
  }
  constexpr std::string_view may[] = {"\\s", "\\S", "\\W", "\\D", "\\n", "\\R", "\\v", "\\x",
                                      "\\N", "\\C", "\\p", "\\P", "(?s", "[:",  "[^"};
  return std::any_of(std::begin(may), std::end(may),
                     [&](std::string_view part) { return rest.find(part) != std::string::npos; });
}

bool is_plain_letter(char c) {
  return c >= 'a' && c <= 'z';
}

// Where a phrase is to be looked for: around the ends of words of it, ascending. Up to its anchor
// it has at most reach_before, up to any other word of it all.
std::vector<text_range> surroundings(const compiled_phrase& phrase, bool are_anchors,
                                     const std::vector<std::uint32_t>& ends) {
  const std::size_t before = are_anchors ? phrase.reach_before : phrase.reach;
  std::vector<text_range> out;
  for (const std::size_t end : ends) {
    const std::size_t begin = end - std::min(end, before);
    if (!out.empty() && begin <= out.back().end) {
      out.back().end = end + phrase.reach;
    } else {
      out.push_back({begin, end + phrase.reach});
    }
  }
  return out;
}

}  // namespace

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
        words.push_back({w.text, w.has_open_head, tail});
      }
    }
    if (view_ == 3) add_singled_choices(segment);
    out.segments.push_back(std::move(segment));
  }
  measure(out, view_);
  return out;
}

// Where a text changed, the word that changed is sought, whichever of the phrase's it is.
void view_search::gather(std::uint32_t phrase, const std::string& user) {
  const compiled_phrase& p = phrases_[phrase].phrase;
  const std::vector<anchor_word> anchors = anchors_of(p);
  for (const anchor_word& a : view_ == 3 ? all_words_of(p) : anchors) {
    const compiled_word& w = p.segments[a.segment].choices[a.choice][a.word];
    const bool is_anchor = a.segment == p.rarest && anchors[a.choice] == a;
    gathered_word& g = gathered_[w.text];
    if (g.users.empty()) g.user = user;
    g.frequency = std::max(g.frequency, w.frequency);
    g.may_begin_inside = g.may_begin_inside || w.has_open_head;
    g.may_end_inside = g.may_end_inside || w.tail != word_tail::none;
    g.is_free_in_links =
        g.is_free_in_links || (p.is_single && w.text.size() >= unedged_letters_min);
    g.users.push_back({phrase, a, is_anchor});
  }
}

void view_search::add(std::uint32_t index, const pattern& p) {
  for (const bool is_allow : {false, true}) {
    for (const pattern_piece& piece : is_allow ? p.allow : p.pieces) {
      // An expression finds what is spelled in signs by itself, and figures mean what they are.
      if (piece.is_expression && view_ == 3 && !p.names_views) continue;
      const std::string user = p.file + ":" + std::to_string(piece.line) + ": " + p.id;
      is_empty_ = false;
      if (piece.is_expression) {
        is_by_paragraphs_ = is_by_paragraphs_ && !may_match_line_end(piece.text);
        auto at = std::find_if(expressions_.begin(), expressions_.end(),
                               [&](const expression& e) { return e.text == piece.text; });
        if (at == expressions_.end()) at = expressions_.insert(at, {piece.text, user, {}, false});
        at->owners.push_back({index, is_allow});
        at->is_of_links = at->is_of_links ||
                          std::find(p.zones.begin(), p.zones.end(), zone::link) != p.zones.end();
        continue;
      }
      const auto [at, is_new] =
          known_phrases_.try_emplace(p.language + piece.text, phrases_.size());
      const auto number = static_cast<std::uint32_t>(at->second);
      if (is_new) {
        phrases_.push_back({compile_phrase(piece, p), {}});
        gather(number, user);
      }
      phrases_[number].owners.push_back({index, is_allow});
      const auto& segments = phrases_[number].phrase.segments;
      if (is_allow && std::any_of(segments.begin(), segments.end(),
                                  [](const compiled_segment& s) { return s.after_gap; }))
        wide_allowances_[index].push_back(number);
    }
  }
}

void view_search::compile(hyperscan_scratch& scratch, const database_cache& cache) {
  if (is_empty_) return;
  share_out();
  for (engine* e : {&texts_, &links_}) e->pieces.compile(view_ == 1, scratch, cache);
  gathered_.clear();
  known_phrases_.clear();
}

// Who looks for what. Words that mails say often lie together.
void view_search::share_out() {
  std::vector<const compiled_phrase*> phrases;
  for (const phrase_entry& e : phrases_) phrases.push_back(&e.phrase);
  table_.set_phrases(std::move(phrases));
  std::vector<std::tuple<double, const std::string*, const gathered_word*>> words;
  for (const auto& [text, g] : gathered_) words.emplace_back(-g.frequency, &text, &g);
  std::sort(words.begin(), words.end(), [](const auto& a, const auto& b) {
    return std::tie(std::get<0>(a), *std::get<1>(a)) < std::tie(std::get<0>(b), *std::get<1>(b));
  });
  const auto ask_engine_for = [](engine& e, sought_piece piece, std::uint32_t name) {
    e.names.emplace_back(piece.is_regular, name);
    e.pieces.add(std::move(piece));
  };
  for (const auto& [frequency, text, g] : words) {
    const std::uint32_t id = table_.add(
        {*text, g->may_begin_inside, g->may_end_inside, g->is_free_in_links}, g->users, view_);
    const bool is_anywhere = view_ == 1 || g->may_begin_inside || !word_index::may_hold(*text);
    if (!is_anywhere) index_.add(*text, id, !g->may_end_inside && is_plain_letter(text->back()));
    if (is_anywhere) ask_engine_for(texts_, {*text, false, g->user}, id);
    if (is_anywhere || g->is_free_in_links) ask_engine_for(links_, {*text, false, g->user}, id);
  }
  for (std::uint32_t n = 0; n < expressions_.size(); ++n) {
    const expression& e = expressions_[n];
    ask_engine_for(texts_, {e.text, true, e.user}, n);
    if (e.is_of_links) ask_engine_for(links_, {e.text, true, e.user}, n);
  }
  index_.finish();
  table_.finish();
}

namespace {

// Not of a word, nor of what a word that was taken apart is joined from.
bool is_break(char c) {
  return std::string_view{" \n/?=&:;,()<>\""}.find(c) != std::string_view::npos;
}

// What of the text is to be looked at: with the words that changed, and so much about them.
std::vector<text_range> searched_ranges(const searched_text& text, std::size_t around) {
  if (text.changed.empty()) return {{0, text.seen.size()}};
  std::vector<text_range> out;
  std::size_t seen_to = 0;  // no octet is looked at twice, however many changed in one word
  for (const auto& [changed_begin, changed_end] : text.changed) {
    std::size_t begin = changed_begin;
    while (begin > seen_to && !is_break(text.seen[begin - 1])) --begin;
    std::size_t end = std::max(changed_end, seen_to);
    while (end < text.seen.size() && !is_break(text.seen[end])) ++end;
    seen_to = end;
    begin -= std::min(begin, around);
    end = std::min(text.seen.size(), end + around);
    if (!out.empty() && begin <= out.back().end)
      out.back().end = std::max(out.back().end, end);
    else
      out.push_back({begin, end});
  }
  return out;
}

}  // namespace

namespace {

// A word begins where another kind of octets begins: 1 letters, 2 figures, 0 signs.
constexpr std::array<unsigned char, 256> kinds = [] {
  std::array<unsigned char, 256> all{};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const char c = static_cast<char>(i);
    all[i] = is_folded_letter(c) ? 1 : c >= '0' && c <= '9' ? 2 : 0;
  }
  return all;
}();

}  // namespace

// Both: false if there were too many.
bool view_search::ask_index(anchor_hits& found, const searched_text& text) const {
  if (index_.is_empty()) return true;
  const auto ranges = searched_ranges(text, 0);
  return std::all_of(ranges.begin(), ranges.end(),
                     [&](const text_range& r) { return ask_index(found, text, r); });
}

bool view_search::ask_index(anchor_hits& found, const searched_text& text,
                            text_range within) const {
  const std::string_view sought = text.sought;
  const auto take = [&found](std::uint32_t id, std::size_t end) { return found.take(id, end); };
  const bool has_soft_edges = !text.soft_edges.empty();
  unsigned char last = 0;
  for (std::size_t i = within.begin; i < within.end; ++i) {
    const unsigned char here = kinds[static_cast<unsigned char>(sought[i])];
    if (here != 0 && (here != last || (has_soft_edges && text.has_soft_edge(i))) &&
        !index_.each_at(sought, i, has_soft_edges, take))
      return false;
    last = here;
  }
  return true;
}

bool view_search::ask_engine(anchor_hits& found, std::vector<place>& regular,
                             const searched_text& text, hs_scratch* scratch) const {
  const engine& asked = text.is_link ? links_ : texts_;
  if (asked.pieces.is_empty()) return true;
  for (const text_range& r : searched_ranges(text, asked.pieces.reach())) {
    auto take = [&](unsigned piece, std::size_t from, std::size_t to) {
      const auto [is_expression, name] = asked.names[piece];
      if (!is_expression) return found.take(name, r.begin + to);
      regular.push_back({name, {r.begin + from, r.begin + to}});
      return regular.size() <= expression_hits_max;
    };
    if (!asked.pieces.scan(text.sought.substr(r.begin, r.end - r.begin), scratch, take))
      return false;
  }
  return true;
}

// Looks for phrases around words of theirs. False if that takes too long.
bool view_search::match_begun(const anchor_hits& found, const searched_text& text,
                              std::vector<view_hit>& out) const {
  const auto& begun = found.begun();
  std::size_t compared = 0;
  std::vector<std::uint32_t> ends;
  for (auto at = begun.begin(); at != begun.end();) {
    const std::uint32_t n = at->first;
    ends.clear();
    for (; at != begun.end() && at->first == n; ++at) ends.push_back(at->second);
    const phrase_entry& e = phrases_[n];
    for (const text_range& within : surroundings(e.phrase, text.changed.empty(), ends)) {
      compared += (within.end - within.begin) * e.phrase.words;
      if (compared > octets_compared_max || out.size() > hits_max) return false;
      for (const text_range& r : match_phrase(e.phrase, text, within)) {
        if (!text.is_wanted(r.begin, r.end)) continue;
        for (const hit_owner& o : e.owners) out.push_back({o, r.begin, r.end});
      }
    }
  }
  return true;
}

// Where only changed words were asked for: a hit may stand in the gap of what is allowed, all of
// whose words stand as they did. False if that takes too long.
bool view_search::allow_around(const searched_text& text, std::vector<view_hit>& hits) const {
  const std::size_t count = hits.size();
  std::size_t compared = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const view_hit h = hits[i];
    const auto wide = wide_allowances_.find(h.whose.pattern);
    if (h.whose.is_allow || wide == wide_allowances_.end()) continue;
    for (const std::uint32_t n : wide->second) {
      const compiled_phrase& p = phrases_[n].phrase;
      const text_range near{h.begin - std::min(h.begin, p.reach), h.end + p.reach};
      compared += (near.end - near.begin) * p.words;
      if (compared > octets_compared_max || hits.size() > hits_max) return false;
      for (const text_range& r : match_phrase(p, text, near))
        hits.push_back({{h.whose.pattern, true}, r.begin, r.end});
    }
  }
  return true;
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
  anchor_hits found{table_, text};
  std::vector<place> regular;
  if (!ask_index(found, text) || !ask_engine(found, regular, text, scratch)) complete = false;
  found.sort();
  std::vector<view_hit> out;
  const auto keep = [&](const std::vector<hit_owner>& owners, text_range r) {
    if (!text.is_wanted(r.begin, r.end)) return;
    for (const hit_owner& o : owners) out.push_back({o, r.begin, r.end});
  };
  for (const auto& [n, range] : found.whole()) keep(phrases_[n].owners, range);
  if (!match_begun(found, text, out)) complete = false;
  for (const auto& [n, range] : regular) {
    if (has_word_edges(text.seen, view_, range)) keep(expressions_[n].owners, range);
  }
  if (!text.changed.empty() && !wide_allowances_.empty() && !allow_around(text, out))
    complete = false;
  return out;
}

}  // namespace consentry::filters
