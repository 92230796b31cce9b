#include "filters/pattern_database.h"

#include <algorithm>
#include <cstdint>
#include <future>
#include <iterator>
#include <set>
#include <span>
#include <stdexcept>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/strict_toml.h"
#include "filters/view_search.h"

namespace consentry::filters {
namespace {

// A window bounds the memory of the views and of the hits, whatever the size of the text.
constexpr std::size_t window_octets = 256 * 1024;
constexpr std::size_t text_hits_max = 50'000;  // no honest text has as many
constexpr std::size_t overlap_octets = 1024;   // longer than any hit of words
constexpr std::size_t changed_places_min = 4;  // fewer words spelled otherwise change no opinion
// Leaves the hits that no allow piece of the same pattern covers (RULES F6), and of several inside
// one another the shortest.
std::vector<view_hit> counted_hits(std::vector<view_hit> all) {
  std::sort(all.begin(), all.end(), [](const view_hit& a, const view_hit& b) {
    return std::tie(a.whose.pattern, a.begin, b.end) < std::tie(b.whose.pattern, b.begin, a.end);
  });
  std::vector<view_hit> out;
  for (std::size_t i = 0; i < all.size();) {
    std::size_t group_end = i;
    std::vector<view_hit> allowed;
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
  url_lists lists;
  content_model model;
  std::unordered_map<std::string, std::uint32_t> groups{{"link", link_group}};
  std::vector<std::uint32_t> group_of;                   // by pattern
  std::vector<std::vector<std::uint32_t>> requirements;  // by pattern
  view_search views[view_count]{view_search{1}, view_search{2}, view_search{3}};
  hyperscan_scratch scratch;
  bool collapsed_alone = false;  // some pattern is sought in view 3 and not in view 2

  bool is_empty() const {
    return std::all_of(std::begin(views), std::end(views),
                       [](const view_search& v) { return v.is_empty(); });
  }
  void check_groups() const;
  void gather();
  std::uint32_t number_of(const std::string& group) {
    return groups.try_emplace(group, static_cast<std::uint32_t>(groups.size())).first->second;
  }
  void compile(int view, const database_cache& cache);
  std::vector<hit> search_window(std::string_view text, zone where, hs_scratch* space,
                                 bool& complete, paragraph_memo* memo, text_words* words) const;
  std::vector<view_hit> search_new(std::string_view seen, hs_scratch* space, bool& complete,
                                   paragraph_memo& memo) const;
  std::vector<view_hit> search_changed(const text_views& of, bool is_link, hs_scratch* space,
                                       bool& complete) const;
};

namespace {

void complain(const pattern& p, const std::string& text) {
  read_or_note([&] { throw toml_error{{p.file, p.line, 1, text, {}}}; });
}

}  // namespace

void pattern_database::state::check_groups() const {
  std::set<std::string> groups{"link"};
  std::set<std::string> ids;
  for (const pattern& p : patterns) {
    if (!p.group.empty()) groups.insert(p.group);
    if (!ids.insert(p.id).second) complain(p, "the id " + p.id + " is given twice");
  }
  for (const pattern& p : patterns) {
    for (const std::string& g : p.requires_) {
      if (!groups.contains(g)) {
        complain(p, "no pattern is in the group " + g + " that " + p.id + " requires");
      }
    }
  }
}

void pattern_database::state::compile(int view, const database_cache& cache) {
  view_search& search = views[view - 1];
  for (std::uint32_t n = 0; n < patterns.size(); ++n) {
    const auto& wanted = patterns[n].views;
    if (std::find(wanted.begin(), wanted.end(), view) != wanted.end()) search.add(n, patterns[n]);
  }
  search.compile(scratch, cache);
}

void pattern_database::state::gather() {
  for (std::uint32_t n = 0; n < patterns.size(); ++n) {
    const pattern& p = patterns[n];
    const auto has_view = [&](int v) {
      return std::find(p.views.begin(), p.views.end(), v) != p.views.end();
    };
    group_of.push_back(p.group.empty() ? no_group : number_of(p.group));
    auto& required = requirements.emplace_back();
    for (const std::string& g : p.requires_) required.push_back(number_of(g));
    collapsed_alone = collapsed_alone || (has_view(3) && !has_view(2));
  }
}

namespace {

// "v1agra" is leet for a word, and so is "k0k41n"; "15d" is fifteen days.
bool may_be_words(std::string_view original) {
  const auto digits =
      std::count_if(original.begin(), original.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto letters = std::count_if(original.begin(), original.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) >= 0xC0;
  });
  return letters > digits || (letters >= 2 && digits <= 2 * letters);
}

std::string_view scheme_and_host(std::string_view link) {
  const auto scheme = link.find("://");
  return link.substr(0,
                     link.find_first_of("/?#", scheme == std::string_view::npos ? 0 : scheme + 3));
}

}  // namespace

std::vector<hit> pattern_database::state::search_window(std::string_view text, zone where,
                                                        hs_scratch* space, bool& complete,
                                                        paragraph_memo* memo,
                                                        text_words* words) const {
  const bool is_link = where == zone::link;
  const bool with_accents = !views[0].is_empty();
  const text_views whole = text_views::of(text, with_accents);
  if (words != nullptr) {
    content_model::add_words(whole.text(2), words->written);
    if (whole.changed().size() >= changed_places_min)
      content_model::add_words(whole.text(3), words->collapsed);
  }
  std::vector<hit> out;
  const auto keep = [&](int view, const text_views& of, const view_hit& h) {
    const auto [begin, end] = of.original(view, h.begin, h.end);
    if (view == 3 && !may_be_words(text.substr(begin, end - begin))) return;
    out.push_back({h.whose.pattern, view, begin, end});
  };
  for (const int view : {1, 2}) {
    const view_search& search = views[view - 1];
    if (search.is_empty()) continue;
    const bool is_shared = view == 2 && memo != nullptr && !is_link && search.is_by_paragraphs();
    auto hits =
        is_shared ? search_new(whole.text(view), space, complete, *memo)
                  : search.search({.seen = whole.text(view), .is_link = is_link}, space, complete);
    for (const view_hit& h : counted_hits(std::move(hits))) keep(view, whole, h);
  }
  if (views[2].is_empty()) return out;
  for (const view_hit& h : search_changed(whole, is_link, space, complete)) keep(3, whole, h);
  return out;
}

namespace {

void learn(paragraph_memo& memo, std::string_view seen, const paragraph_memo::piece& searched,
           std::vector<view_hit>& hits) {
  std::sort(hits.begin(), hits.end(),
            [](const view_hit& a, const view_hit& b) { return a.begin < b.begin; });
  memo.learn(seen, searched, hits);
}

}  // namespace

// View 2: what the message's other parts said already is known.
std::vector<view_hit> pattern_database::state::search_new(std::string_view seen, hs_scratch* space,
                                                          bool& complete,
                                                          paragraph_memo& memo) const {
  std::vector<view_hit> out;
  const auto pieces = memo.split(seen);
  std::vector<paragraph_memo::piece> fresh;
  for (const auto& piece : pieces) {
    if (piece.known == nullptr) {
      fresh.push_back(piece);
      continue;
    }
    for (const view_hit& h : *piece.known)
      out.push_back({h.whose, h.begin + piece.begin, h.end + piece.begin});
  }
  if (fresh.empty()) return out;
  if (fresh.size() == 1 && pieces.size() == 1) {
    auto hits = views[1].search({.seen = seen}, space, complete);
    if (complete) learn(memo, seen, fresh.front(), hits);
    return hits;
  }
  // What is new is searched in one go: paragraphs all, whatever stood between them.
  std::string joined;
  for (const auto& piece : fresh) {
    joined += seen.substr(piece.begin, piece.end - piece.begin);
    joined += '\n';
  }
  auto hits = views[1].search({.seen = joined}, space, complete);
  if (!complete) return hits;
  learn(memo, joined, {0, joined.size(), nullptr}, hits);
  std::size_t begin = 0;
  auto h = hits.begin();
  for (const auto& piece : fresh) {
    const std::size_t end = begin + (piece.end - piece.begin) + 1;
    for (; h != hits.end() && h->begin < end; ++h)
      out.push_back({h->whose, h->begin - begin + piece.begin, h->end - begin + piece.begin});
    begin = end;
  }
  return out;
}

// View 3, where it says other than view 2: that has shown the rest already. Of links the host: the
// path is full of opaque tokens, in which leet reads any word (9ec12a0b5a822fdc).
std::vector<view_hit> pattern_database::state::search_changed(const text_views& of, bool is_link,
                                                              hs_scratch* space,
                                                              bool& complete) const {
  const std::string_view seen = is_link ? scheme_and_host(of.text(3)) : of.text(3);
  std::span changed{of.changed()};
  while (!changed.empty() && changed.back().second > seen.size())
    changed = changed.first(changed.size() - 1);
  if (changed.empty()) return {};
  searched_text text{.seen = seen, .is_link = is_link, .soft_edges = of.soft_edges()};
  if (is_link || !collapsed_alone) text.changed = changed;
  return counted_hits(views[2].search(text, space, complete));
}

pattern_database::pattern_database(pattern_set set, const database_cache& cache)
    : state_{std::make_unique<state>()} {
  for (pattern_file& f : set.files) {
    std::move(f.patterns.begin(), f.patterns.end(), std::back_inserter(state_->patterns));
  }
  state_->brands = std::move(set.brands);
  state_->lists = std::move(set.lists);
  state_->model = std::move(set.model);
  state_->check_groups();
  state_->gather();
  // Each view takes a tenth of a second, of patterns as many as are shipped.
  auto third = std::async(std::launch::async, [&] { state_->compile(3, cache); });
  for (const int view : {1, 2}) state_->compile(view, cache);
  third.get();
}

pattern_database::~pattern_database() = default;
pattern_database::pattern_database(pattern_database&&) noexcept = default;
pattern_database& pattern_database::operator=(pattern_database&&) noexcept = default;

const std::vector<pattern>& pattern_database::patterns() const noexcept {
  return state_->patterns;
}
std::size_t pattern_database::group_count() const noexcept {
  return state_->groups.size();
}
std::uint32_t pattern_database::group_of(std::uint32_t pattern) const noexcept {
  return state_->group_of[pattern];
}
const std::vector<std::uint32_t>& pattern_database::required_groups(
    std::uint32_t pattern) const noexcept {
  return state_->requirements[pattern];
}

const std::vector<protected_brand>& pattern_database::brands() const noexcept {
  return state_->brands;
}

const url_lists& pattern_database::lists() const noexcept {
  return state_->lists;
}

const content_model& pattern_database::model() const noexcept {
  return state_->model;
}

std::vector<hit> pattern_database::search(std::string_view text, zone where, bool& complete,
                                          paragraph_memo* memo, text_words* words) const {
  std::vector<hit> out;
  if (text.empty() || state_->is_empty()) return out;
  const hyperscan_scratch::lease scratch{state_->scratch};
  for (std::size_t begin = 0;;) {
    const std::size_t end = window_end(text, begin);
    for (hit h : state_->search_window(text.substr(begin, end - begin), where, scratch.get(),
                                       complete, memo, words)) {
      const std::vector<zone>& zones = state_->patterns[h.pattern].zones;
      if (!zones.empty() && std::find(zones.begin(), zones.end(), where) == zones.end()) continue;
      h.begin += begin;
      h.end += begin;
      out.push_back(h);
    }
    if (end == text.size()) break;
    if (out.size() > text_hits_max) complete = false;
    if (!complete) break;
    begin = end - overlap_octets;
    while ((static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  }
  std::sort(out.begin(), out.end(), [](const hit& a, const hit& b) {
    return std::tie(a.begin, a.end, a.pattern, a.view) <
           std::tie(b.begin, b.end, b.pattern, b.view);
  });
  return out;
}

std::vector<sample_problem> failed_samples(const pattern_database& database) {
  std::vector<sample_problem> out;
  const auto& patterns = database.patterns();
  for (std::uint32_t n = 0; n < patterns.size(); ++n) {
    const pattern& p = patterns[n];
    const zone where = p.zones.empty() ? zone::body : p.zones.front();
    const auto is_hit = [&](const std::string& sample) {
      bool complete = true;
      const auto hits = database.search(sample, where, complete);
      return std::any_of(hits.begin(), hits.end(), [n](const hit& h) { return h.pattern == n; });
    };
    for (const auto& s : p.must_match) {
      if (!is_hit(s.text)) {
        out.push_back({p.file, s.line, s.column, p.id + " does not match \"" + s.text + "\""});
      }
    }
    for (const auto& s : p.must_not_match) {
      if (is_hit(s.text)) {
        out.push_back({p.file, s.line, s.column, p.id + " matches \"" + s.text + "\""});
      }
    }
  }
  return out;
}

}  // namespace consentry::filters
