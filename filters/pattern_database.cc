#include "filters/pattern_database.h"

#include <hs/hs.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/result.h"
#include "filters/pattern_words.h"
#include "filters/phrase_match.h"

namespace consentry::filters {
namespace {

// A window bounds the memory of the views and of the hits, whatever the size of the text.
constexpr std::size_t window_octets = 256 * 1024;
constexpr std::size_t overlap_octets = 1024;        // longer than any hit of words
constexpr std::size_t engine_hits_max = 2'000'000;  // in one window
constexpr std::size_t raw_hits_max = 200'000;       // of phrases, in one window
constexpr std::size_t text_hits_max = 50'000;       // no honest text has as many

struct target {
  std::uint32_t pattern = 0;
  bool is_allow = false;
};

// A string, or an expression, as the engine knows it: by its index.
struct engine_expression {
  std::string text;
  bool is_regular = false;
  const pattern* first_user = nullptr;
  int line = 0;
};

struct phrase_entry {
  compiled_phrase phrase;
  std::vector<target> targets;  // several patterns may share a phrase
};

struct view_engine {
  hs_database_t* database = nullptr;
  std::vector<engine_expression> expressions;
  std::map<std::string, std::uint32_t> known;        // expression text to index
  std::map<std::string, std::size_t> known_phrases;  // language and words to index
  std::vector<phrase_entry> phrases;
  std::vector<std::vector<target>> regular_targets;  // by expression
  // By expression: the phrases that cannot match unless it was hit.
  std::vector<std::vector<std::uint32_t>> phrases_needing;

  std::uint32_t add(const std::string& text, bool is_regular, const pattern& user, int line) {
    const std::string key = (is_regular ? 'r' : 's') + text;
    const auto [at, is_new] =
        known.try_emplace(key, static_cast<std::uint32_t>(expressions.size()));
    if (is_new) {
      expressions.push_back({text, is_regular, &user, line});
      regular_targets.emplace_back();
    }
    return at->second;
  }
};

struct raw_hit {
  target whose;
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct engine_hits {
  const view_engine* engine = nullptr;
  std::vector<string_hits::raw> strings;
  std::vector<std::pair<std::uint32_t, text_range>> regular;
  bool overflowed = false;
};

int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned, void* context) {
  auto& h = *static_cast<engine_hits*>(context);
  if (h.strings.size() + h.regular.size() == engine_hits_max) {
    h.overflowed = true;
    return 1;
  }
  if (h.engine->expressions[id].is_regular) {
    h.regular.push_back({id, {static_cast<std::size_t>(from), static_cast<std::size_t>(to)}});
  } else {
    h.strings.push_back({id, static_cast<std::uint32_t>(to)});
  }
  return 0;
}

constexpr std::size_t open_stem_octets_min = 5;

compiled_phrase compile_phrase(const pattern_piece& piece, const pattern& user, int view,
                               view_engine& engine) {
  const phrase parsed = parse_phrase(piece.text, view);
  compiled_phrase out{{}, user.language, parsed.is_single};
  for (const phrase_segment& s : parsed.segments) {
    compiled_segment segment{s.after_gap, {}};
    for (const auto& choice : s.choices) {
      auto& words = segment.choices.emplace_back();
      for (const phrase_word& w : choice) {
        // Behind three or four letters anything may follow by chance ("mlm~" in a stranger's name):
        // only real endings then.
        const bool is_short = w.octets < open_stem_octets_min;
        const auto tail = is_short && w.tail == word_tail::open ? word_tail::inflected : w.tail;
        words.push_back({engine.add(w.expression, false, user, piece.line),
                         static_cast<std::uint32_t>(w.octets), w.has_open_head, tail});
      }
    }
    out.segments.push_back(std::move(segment));
  }
  return out;
}

const compiled_word& longest_of(const std::vector<compiled_word>& choice) {
  return *std::max_element(choice.begin(), choice.end(),
                           [](const auto& a, const auto& b) { return a.octets < b.octets; });
}

// The segment whose words are the longest, and so the rarest: a phrase is only tried where one of
// its choices was hit. Most texts hit few strings, so most phrases cost nothing.
const compiled_segment& rarest_segment(const compiled_phrase& phrase) {
  const auto shortest_choice = [](const compiled_segment& s) {
    std::uint32_t octets = UINT32_MAX;
    for (const auto& choice : s.choices) octets = std::min(octets, longest_of(choice).octets);
    return octets;
  };
  return *std::max_element(
      phrase.segments.begin(), phrase.segments.end(),
      [&](const auto& a, const auto& b) { return shortest_choice(a) < shortest_choice(b); });
}

void index_phrases(view_engine& engine) {
  engine.phrases_needing.resize(engine.expressions.size());
  for (std::uint32_t n = 0; n < engine.phrases.size(); ++n) {
    for (const auto& choice : rarest_segment(engine.phrases[n].phrase).choices) {
      auto& needing = engine.phrases_needing[longest_of(choice).string];
      if (needing.empty() || needing.back() != n) needing.push_back(n);
    }
  }
}

// Leaves the hits that no allow piece of the same pattern covers (RULES F6), and of several inside
// one another the shortest.
std::vector<raw_hit> counted_hits(std::vector<raw_hit> all) {
  std::sort(all.begin(), all.end(), [](const raw_hit& a, const raw_hit& b) {
    return std::tie(a.whose.pattern, a.begin, b.end) < std::tie(b.whose.pattern, b.begin, a.end);
  });
  std::vector<raw_hit> out;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t group_end = i;
    std::vector<raw_hit> allowed;
    for (; group_end < all.size() && all[group_end].whose.pattern == all[i].whose.pattern;
         ++group_end) {
      if (all[group_end].whose.is_allow) allowed.push_back(all[group_end]);
    }
    const std::size_t group_begin = out.size();
    std::size_t next_allowed = 0;
    std::size_t covered_to = 0;
    for (; i < group_end; ++i) {
      while (next_allowed < allowed.size() && allowed[next_allowed].begin <= all[i].begin) {
        covered_to = std::max(covered_to, allowed[next_allowed++].end);
      }
      if (!all[i].whose.is_allow && all[i].end > covered_to) out.push_back(all[i]);
    }
    std::size_t shortest_end = SIZE_MAX;  // of the hits that begin no earlier
    std::size_t kept = out.size();
    for (std::size_t k = out.size(); k > group_begin; --k) {
      if (out[k - 1].end >= shortest_end) continue;
      shortest_end = out[k - 1].end;
      out[--kept] = out[k - 1];
    }
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(group_begin),
              out.begin() + static_cast<std::ptrdiff_t>(kept));
  }
  return out;
}

// End of the window that begins at `begin`: after white space where there is some near its end,
// never inside a character.
std::size_t window_end(std::string_view text, std::size_t begin) {
  std::size_t end = begin + window_octets;
  if (end >= text.size()) return text.size();
  for (std::size_t i = end; i > end - overlap_octets / 2; --i) {
    if (text[i - 1] == ' ' || text[i - 1] == '\n') return i;
  }
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

}  // namespace

struct pattern_database::state {
  std::vector<pattern> patterns;
  std::vector<protected_brand> brands;
  view_engine engines[view_count];

  // Scratch space is written during a search: each search borrows one, clones are kept.
  hs_scratch_t* prototype = nullptr;
  std::mutex scratch_lock;
  std::vector<hs_scratch_t*> scratch_free;

  ~state() {
    for (view_engine& e : engines) hs_free_database(e.database);
    for (hs_scratch_t* s : scratch_free) hs_free_scratch(s);
    hs_free_scratch(prototype);
  }

  // Gives the scratch back, whatever happens meanwhile.
  class lease {
   public:
    explicit lease(state& s) : state_{s}, scratch_{s.borrow()} {}
    ~lease() { state_.give_back(scratch_); }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    hs_scratch_t* get() const noexcept { return scratch_; }

   private:
    state& state_;
    hs_scratch_t* scratch_;
  };

  hs_scratch_t* borrow() {
    {
      const std::lock_guard lock{scratch_lock};
      if (!scratch_free.empty()) {
        hs_scratch_t* s = scratch_free.back();
        scratch_free.pop_back();
        return s;
      }
    }
    hs_scratch_t* s = nullptr;
    if (hs_clone_scratch(prototype, &s) != HS_SUCCESS) throw std::bad_alloc{};
    return s;
  }

  void give_back(hs_scratch_t* s) {
    const std::lock_guard lock{scratch_lock};
    scratch_free.push_back(s);
  }

  void check_groups() const;
  void gather(int view);
  void compile(int view);
  std::vector<raw_hit> search_view(std::string_view seen, int view, bool is_link,
                                   hs_scratch_t* scratch, bool& complete) const;
  std::vector<hit> search_window(std::string_view text, zone where, hs_scratch_t* scratch,
                                 bool& complete) const;
};

void pattern_database::state::check_groups() const {
  std::set<std::string> groups{"link"};
  std::set<std::string> ids;
  for (const pattern& p : patterns) {
    if (!p.group.empty()) groups.insert(p.group);
    if (!ids.insert(p.id).second) {
      throw configuration_error{p.file + ":" + std::to_string(p.line) + ": the id " + p.id +
                                " is given twice"};
    }
  }
  for (const pattern& p : patterns) {
    for (const std::string& g : p.requires_) {
      if (!groups.contains(g)) {
        throw configuration_error{p.file + ":" + std::to_string(p.line) +
                                  ": no pattern is in the group " + g + " that " + p.id +
                                  " requires"};
      }
    }
  }
}

void pattern_database::state::gather(int view) {
  view_engine& engine = engines[view - 1];
  for (std::uint32_t n = 0; n < patterns.size(); ++n) {
    const pattern& p = patterns[n];
    if (std::find(p.views.begin(), p.views.end(), view) == p.views.end()) continue;
    for (const bool is_allow : {false, true}) {
      for (const pattern_piece& piece : is_allow ? p.allow : p.pieces) {
        if (piece.is_expression) {
          const auto id = engine.add(piece.text, true, p, piece.line);
          engine.regular_targets[id].push_back({n, is_allow});
          continue;
        }
        const auto [at, is_new] =
            engine.known_phrases.try_emplace(p.language + piece.text, engine.phrases.size());
        if (is_new) engine.phrases.push_back({compile_phrase(piece, p, view, engine), {}});
        engine.phrases[at->second].targets.push_back({n, is_allow});
      }
    }
  }
}

void pattern_database::state::compile(int view) {
  view_engine& engine = engines[view - 1];
  if (engine.expressions.empty()) return;
  index_phrases(engine);
  std::vector<const char*> texts;
  std::vector<unsigned> flags;
  std::vector<unsigned> ids;
  for (const engine_expression& e : engine.expressions) {
    const unsigned utf8 = view == 1 ? HS_FLAG_UTF8 : 0;
    texts.push_back(e.text.c_str());
    // Strings are folded like the text, and have one length; only expressions need more.
    flags.push_back(e.is_regular ? utf8 | HS_FLAG_CASELESS | HS_FLAG_SOM_LEFTMOST : utf8);
    ids.push_back(static_cast<unsigned>(ids.size()));
  }
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(texts.data(), flags.data(), ids.data(), static_cast<unsigned>(texts.size()),
                       HS_MODE_BLOCK, nullptr, &engine.database, &error) != HS_SUCCESS) {
    const std::string why = error->message;
    const int at = error->expression;
    hs_free_compile_error(error);
    if (at < 0) throw configuration_error{"patterns: " + why};
    const engine_expression& e = engine.expressions[static_cast<std::size_t>(at)];
    throw configuration_error{e.first_user->file + ":" + std::to_string(e.line) + ": " +
                              e.first_user->id + ": " + why};
  }
  if (hs_alloc_scratch(engine.database, &prototype) != HS_SUCCESS) throw std::bad_alloc{};
}

std::vector<raw_hit> pattern_database::state::search_view(std::string_view seen, int view,
                                                          bool is_link, hs_scratch_t* scratch,
                                                          bool& complete) const {
  const view_engine& engine = engines[view - 1];
  engine_hits found;
  found.engine = &engine;
  const hs_error_t code = hs_scan(engine.database, seen.data(), static_cast<unsigned>(seen.size()),
                                  0, scratch, on_match, &found);
  if (found.overflowed || (code != HS_SUCCESS && code != HS_SCAN_TERMINATED)) complete = false;
  std::vector<raw_hit> out;
  const auto keep = [&](const std::vector<target>& targets, text_range range) {
    for (const target& t : targets) {
      if (out.size() == raw_hits_max) {
        complete = false;
        return;
      }
      out.push_back({t, range.begin, range.end});
    }
  };
  const string_hits hits{engine.expressions.size(), found.strings};
  std::vector<bool> tried(engine.phrases.size());
  for (const string_hits::raw& h : found.strings) {
    for (const std::uint32_t n : engine.phrases_needing[h.string]) {
      if (tried[n]) continue;
      tried[n] = true;
      const phrase_entry& e = engine.phrases[n];
      for (const text_range& r : match_phrase(e.phrase, hits, seen, view, is_link)) {
        keep(e.targets, r);
      }
    }
  }
  for (const auto& [id, range] : found.regular) {
    if (has_word_edges(seen, view, range)) keep(engine.regular_targets[id], range);
  }
  return out;
}

namespace {

// "v1agra" is leet for a word, "15d" is fifteen days.
bool is_mostly_letters(std::string_view original) {
  const auto digits =
      std::count_if(original.begin(), original.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto letters = std::count_if(original.begin(), original.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) >= 0xC0;
  });
  return letters > digits;
}

std::string_view scheme_and_host(std::string_view link) {
  const auto scheme = link.find("://");
  return link.substr(0,
                     link.find_first_of("/?#", scheme == std::string_view::npos ? 0 : scheme + 3));
}

}  // namespace

std::vector<hit> pattern_database::state::search_window(std::string_view text, zone where,
                                                        hs_scratch_t* scratch,
                                                        bool& complete) const {
  const text_views whole = text_views::of(text);
  // The path of a link is full of opaque tokens, in which leet reads any word (9ec12a0b5a822fdc).
  const text_views host =
      where == zone::link ? text_views::of(scheme_and_host(text)) : text_views{};
  std::vector<hit> out;
  for (int view = 1; view <= view_count; ++view) {
    const text_views& views = view == 3 && where == zone::link ? host : whole;
    const std::string_view seen = views.text(view);
    // What view 3 leaves as it was, view 2 has shown already.
    if (engines[view - 1].database == nullptr || (view == 3 && seen == views.text(2))) continue;
    auto raw = search_view(seen, view, where == zone::link, scratch, complete);
    for (const raw_hit& h : counted_hits(std::move(raw))) {
      const auto [begin, end] = views.original(view, h.begin, h.end);
      if (view == 3 && !is_mostly_letters(text.substr(begin, end - begin))) continue;
      out.push_back({h.whose.pattern, view, begin, end});
    }
  }
  return out;
}

pattern_database::pattern_database(pattern_set set) : state_{std::make_unique<state>()} {
  for (pattern_file& f : set.files) {
    std::move(f.patterns.begin(), f.patterns.end(), std::back_inserter(state_->patterns));
  }
  state_->brands = std::move(set.brands);
  state_->check_groups();
  for (int view = 1; view <= view_count; ++view) {
    state_->gather(view);
    state_->compile(view);
  }
}

pattern_database::~pattern_database() = default;
pattern_database::pattern_database(pattern_database&&) noexcept = default;
pattern_database& pattern_database::operator=(pattern_database&&) noexcept = default;

const std::vector<pattern>& pattern_database::patterns() const noexcept {
  return state_->patterns;
}
const std::vector<protected_brand>& pattern_database::brands() const noexcept {
  return state_->brands;
}

std::vector<hit> pattern_database::search(std::string_view text, zone where, bool& complete) const {
  std::vector<hit> out;
  if (text.empty() || state_->prototype == nullptr) return out;
  const state::lease scratch{*state_};
  for (std::size_t begin = 0;;) {
    const std::size_t end = window_end(text, begin);
    for (hit h :
         state_->search_window(text.substr(begin, end - begin), where, scratch.get(), complete)) {
      const std::vector<zone>& zones = state_->patterns[h.pattern].zones;
      if (!zones.empty() && std::find(zones.begin(), zones.end(), where) == zones.end()) continue;
      h.begin += begin;
      h.end += begin;
      out.push_back(h);
    }
    if (end == text.size()) break;
    if (out.size() > text_hits_max) {
      complete = false;
      break;
    }
    begin = end - overlap_octets;
    while ((static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  }
  std::sort(out.begin(), out.end(), [](const hit& a, const hit& b) {
    return std::tie(a.begin, a.end, a.pattern, a.view) <
           std::tie(b.begin, b.end, b.pattern, b.view);
  });
  return out;
}

std::vector<std::string> lint_samples(const pattern_database& database) {
  std::vector<std::string> out;
  const auto& patterns = database.patterns();
  for (std::uint32_t n = 0; n < patterns.size(); ++n) {
    const pattern& p = patterns[n];
    const zone where = p.zones.empty() ? zone::body : p.zones.front();
    const auto is_hit = [&](const std::string& sample) {
      bool complete = true;
      const auto hits = database.search(sample, where, complete);
      return std::any_of(hits.begin(), hits.end(), [n](const hit& h) { return h.pattern == n; });
    };
    const std::string place = p.file + ":" + std::to_string(p.line) + ": " + p.id;
    for (const auto& s : p.must_match) {
      if (!is_hit(s)) out.push_back(place + " does not match \"" + s + "\"");
    }
    for (const auto& s : p.must_not_match) {
      if (is_hit(s)) out.push_back(place + " matches \"" + s + "\"");
    }
  }
  return out;
}

}  // namespace consentry::filters
