#include "filters/anchor_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "filters/text_view.h"

namespace consentry::filters {
namespace {

// In one text of 256 KiB (pattern_database.cc). An ordinary one has a few thousand.
constexpr std::size_t hits_max = 200'000;
constexpr std::size_t words_tried_max = 10'000'000;
constexpr std::size_t sieved_octets_min = 256;  // shorter texts are looked through sooner

bool is_plain_letter(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A letter's bit, or that of figures; bit 0 stands for letters of other scripts.
std::uint32_t bit_of(char c) {
  if (is_plain_letter(c)) return std::uint32_t{1} << (c - 'a' + 1);
  if (is_digit(c)) return std::uint32_t{1} << 27;
  return 1;
}
// Stands wherever the text does, whatever is near: what may have anything beside it asks for this.
constexpr std::uint32_t any_place = std::uint32_t{1} << 31;

// Signs at the edge of a word are passed over like those between words, so nothing is said then.
void allow(std::uint32_t& bits, char c) {
  bits = bit_of(c) == 1 ? UINT32_MAX : bits | bit_of(c);
}

bool is_sign(char c) {
  return !is_folded_letter(c) && !is_digit(c) && c != '\n';
}

}  // namespace

std::uint16_t letter_sieve::place_of(const char* four) noexcept {
  std::uint32_t all = 0;
  std::memcpy(&all, four, octets);
  return static_cast<std::uint16_t>((all * 2'654'435'761u) >> 16);
}

letter_sieve::letter_sieve(std::string_view text) {
  for (std::size_t i = 0; i + octets <= text.size(); ++i) held_.set(place_of(text.data() + i));
}

void anchor_table::add_places(const std::vector<anchor_word>& words, const compiled_phrase& p) {
  const std::size_t first = places_.size();
  first_place_.push_back(static_cast<std::uint32_t>(first));
  for (const anchor_word& a : words) {
    const std::string& word = p.segments[a.segment].choices[a.choice][a.word].text;
    if (word.size() < letter_sieve::octets) {
      places_.resize(first);
      break;
    }
    places_.emplace_back(letter_sieve::place_of(word.data()),
                         letter_sieve::place_of(word.data() + word.size() - letter_sieve::octets));
  }
}

void anchor_table::set_phrases(std::vector<const compiled_phrase*> phrases) {
  phrases_ = std::move(phrases);
  for (const compiled_phrase* p : phrases_) {
    add_places(anchors_of(*p), *p);
    add_places(second_anchors_of(*p), *p);
    auto& edges = edges_.emplace_back();
    for (const compiled_segment& s : p->segments) {
      letter_bits bits;
      for (const auto& c : s.choices) {
        if (c.front().has_open_head) bits.first = anything;
        allow(bits.first, c.front().text.front());
        if (c.back().tail != word_tail::none) bits.last = anything;
        allow(bits.last, c.back().text.back());
      }
      edges.push_back(bits);
    }
  }
  first_place_.push_back(static_cast<std::uint32_t>(places_.size()));
}

anchor_table::anchor anchor_table::anchor_of(const word_user& user) const {
  const compiled_phrase& p = *phrases_[user.phrase];
  const auto& choice = p.segments[user.word.segment].choices[user.word.choice];
  const compiled_word& w = choice[user.word.word];
  anchor a;
  a.phrase = user.phrase;
  a.word = user.word;
  a.is_anchor = user.is_anchor;
  a.has_open_head = w.has_open_head;
  a.is_alone = p.segments.size() == 1 && choice.size() == 1;
  a.tail = w.tail == word_tail::none   ? ending::none
           : w.tail == word_tail::open ? ending::open
           : p.language == "en"        ? ending::english
                                       : ending::hungarian;
  return a;
}

anchor_table::neighbours anchor_table::neighbours_of(const word_user& user, int view) const {
  neighbours a;
  if (view == 1) return a;
  const compiled_phrase& p = *phrases_[user.phrase];
  const std::size_t s = user.word.segment;
  const auto& choice = p.segments[s].choices[user.word.choice];
  if (user.word.word > 0) {
    a.before = 0;
    allow(a.before, choice[user.word.word - 1].text.back());
  } else if (s > 0 && !p.segments[s].after_gap) {
    a.before = edges_[user.phrase][s - 1].last;
  }
  if (user.word.word + 1u < choice.size()) {
    a.after = 0;
    allow(a.after, choice[user.word.word + 1].text.front());
  } else if (s + 1 < p.segments.size() && !p.segments[s + 1].after_gap) {
    a.after = edges_[user.phrase][s + 1].first;
  }
  return a;
}

std::uint32_t anchor_table::add(const asked_word& word, const std::vector<word_user>& users,
                                int view) {
  entry e;
  e.octets = static_cast<std::uint16_t>(word.text.size());
  e.first_anchor = static_cast<std::uint32_t>(anchors_.size());
  e.needs_begin = !word.may_begin_inside && is_plain_letter(word.text.front());
  e.needs_end = !word.may_end_inside && is_plain_letter(word.text.back());
  e.needs_edges_in_links = !word.is_free_in_links;
  for (const word_user& u : users) {
    anchors_.push_back(anchor_of(u));
    neighbours_.push_back(neighbours_of(u, view));
  }
  e.end_anchor = static_cast<std::uint32_t>(anchors_.size());
  words_.push_back(e);
  return static_cast<std::uint32_t>(words_.size() - 1);
}

// Of a word that was found, in the alphabet of views 2 and 3.
struct anchor_hits::surroundings {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t last = 0;               // behind the letters that follow it
  bool has_begin = false;             // an edge there
  bool has_end = false;               // an edge at `last`
  std::uint32_t before = UINT32_MAX;  // bits of the nearest octets that are no signs
  std::uint32_t after = UINT32_MAX;
  std::optional<bool> is_inflected[2];  // Hungarian, English
};

bool anchor_hits::is_inside_word(std::size_t at) const {
  const std::string_view seen = text_.seen;
  return at > 0 && at < seen.size() && is_plain_letter(seen[at - 1]) && is_plain_letter(seen[at]) &&
         !text_.has_soft_edge(at);
}

anchor_hits::surroundings anchor_hits::look_around(std::size_t begin, std::size_t end) const {
  const std::string_view seen = text_.seen;
  surroundings here{begin, end, end, false, false, any_place, any_place, {}};
  const auto joined = [&](std::size_t at) {
    return (is_folded_letter(seen[at - 1]) && is_folded_letter(seen[at])) ||
           (is_digit(seen[at - 1]) && is_digit(seen[at]));
  };
  here.has_begin = begin == 0 || !joined(begin);
  while (here.last < seen.size() && is_folded_letter(seen[here.last]) &&
         here.last - end < tail_letters_max)
    ++here.last;
  here.has_end = here.last == seen.size() || !joined(here.last);
  std::size_t at = begin;
  while (at > 0 && begin - at < separator_octets_max && is_sign(seen[at - 1])) --at;
  if (at < begin && at > 0 && seen[at - 1] != '\n') here.before |= bit_of(text_.sought[at - 1]);
  at = here.last;
  while (at < seen.size() && at - here.last < separator_octets_max && is_sign(seen[at])) ++at;
  if (at > here.last && at < seen.size() && seen[at] != '\n')
    here.after |= bit_of(text_.sought[at]);
  return here;
}

// False: it certainly does not. Of texts without soft edges.
bool anchor_hits::may_stand(const anchor_table::anchor& a, surroundings& here) const {
  using ending = anchor_table::ending;
  if (!a.has_open_head && !here.has_begin) return false;
  if (!here.has_end) return false;
  if (here.last != here.end) {
    if (a.tail == ending::none) return false;
    if (a.tail != ending::open) {
      auto& known = here.is_inflected[a.tail == ending::english ? 1 : 0];
      if (!known)
        known = is_inflection(a.tail == ending::english ? "en" : "hu",
                              text_.seen.substr(here.begin, here.end - here.begin),
                              text_.seen.substr(here.end, here.last - here.end));
      if (!*known) return false;
    }
  }
  return true;
}

// Leaves out what stands inside of other words where no phrase allows that: most of the hits.
bool anchor_hits::take(std::uint32_t id, std::size_t end) {
  const anchor_table::entry& e = table_.words_[id];
  const std::size_t begin = end - e.octets;
  const bool is_free = text_.is_link && !e.needs_edges_in_links;
  if (!is_free) {
    if ((e.needs_begin && is_inside_word(begin)) || (e.needs_end && is_inside_word(end)))
      return true;
  }
  const bool is_partial = !text_.changed.empty();
  if (is_partial &&
      !text_.is_wanted(begin - std::min(begin, head_letters_max), end + tail_letters_max))
    return true;
  const bool is_quick = !is_free && text_.view != 1 && text_.soft_edges.empty();
  surroundings here;
  if (is_quick) here = look_around(begin, end);
  const bool has_changed = !is_partial || !is_quick || text_.is_wanted(begin, here.last);
  words_tried_ += e.end_anchor - e.first_anchor;
  for (std::uint32_t i = e.first_anchor; i < e.end_anchor; ++i) {
    const anchor_table::neighbours& beside = table_.neighbours_[i];
    if ((beside.before & here.before) == 0 || (beside.after & here.after) == 0) continue;
    const anchor_table::anchor& a = table_.anchors_[i];
    if (!is_partial && !a.is_anchor) continue;
    if (!has_changed && !a.has_open_head) continue;
    if (is_quick) {
      if (!may_stand(a, here)) continue;
      if (a.is_alone && !a.has_open_head) {
        whole_.push_back({a.phrase, {begin, here.last}});
        continue;
      }
    }
    if (!may_hold(a.phrase, 1)) continue;
    if (a.is_anchor)
      match(a, end);
    else if (may_hold(a.phrase, 0))
      begun_.emplace_back(a.phrase, static_cast<std::uint32_t>(end));
  }
  return words_tried_ <= words_tried_max && begun_.size() + whole_.size() <= hits_max;
}

// Whether a word of the segment (0: the anchors', 1: the other) may be anywhere in the text.
bool anchor_hits::may_hold(std::uint32_t phrase, unsigned segment) {
  const std::uint32_t begin = table_.first_place_[2 * phrase + segment];
  const std::uint32_t end = table_.first_place_[2 * phrase + segment + 1];
  if (begin == end || text_.sought.size() < sieved_octets_min) return true;
  if (!sieve_) sieve_.emplace(text_.sought);
  return std::any_of(table_.places_.begin() + begin, table_.places_.begin() + end,
                     [this](const auto& word) {
                       return sieve_->may_hold(word.first) && sieve_->may_hold(word.second);
                     });
}

void anchor_hits::match(const anchor_table::anchor& a, std::size_t end) {
  const compiled_phrase& p = *table_.phrases_[a.phrase];
  words_tried_ += p.words;
  if (!match_anchor(p, a.word, text_, end, places_)) {
    if (!places_.empty()) begun_.emplace_back(a.phrase, static_cast<std::uint32_t>(end));
    return;
  }
  for (const text_range& r : places_) whole_.emplace_back(a.phrase, r);
}

void anchor_hits::sort() {
  std::sort(begun_.begin(), begun_.end());
}

}  // namespace consentry::filters
