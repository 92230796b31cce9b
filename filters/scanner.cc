#include "filters/scanner.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "base/text.h"
#include "filters/confusable_domain.h"
#include "filters/link_check.h"
#include "filters/message_texts.h"
#include "filters/sender_name.h"
#include "filters/text_view.h"

namespace consentry::filters {
namespace {

constexpr std::size_t matched_octets_max = 200;
constexpr std::size_t kept_hits_max = 64;     // of one pattern
constexpr std::size_t memo_octets_min = 256;  // shorter texts are searched sooner than remembered
constexpr std::size_t kept_group_hits_max = 2'000;
constexpr std::size_t message_hits_max = 200'000;
constexpr std::size_t words_judged_min = 15;  // of a text beside a longer one
constexpr std::size_t message_words_max = 500'000;
constexpr std::size_t subject_words_max = 200;
constexpr std::size_t window_octets_least = 200'000;  // shorter texts are searched in one go
// More hidden text than a preview line, and much beside what is seen (RULES F8).
constexpr std::size_t hidden_letters_suspicious = 600;

struct occurrence {
  std::size_t text = 0;  // index in message_texts::texts
  hit where;             // octets of the seen text
};

// Where a group was hit.
struct group_place {
  std::size_t text = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};
struct group_places {
  std::vector<group_place> places;
  std::size_t longest = 0;
  bool has_title = false;  // one of these stands in a title
};

struct taken_place : occurrence {
  std::string language;
  bool is_counted = false;
};

bool is_inside_character(std::string_view s, std::size_t at) {
  return at < s.size() && (static_cast<unsigned char>(s[at]) & 0xC0) == 0x80;
}

// At most `most` octets, never half a character.
std::string cut(std::string_view s, std::size_t most) {
  if (s.size() > most) {
    while (most > 0 && is_inside_character(s, most)) --most;
    s = s.substr(0, most);
  }
  return std::string{s};
}

class scanning {
 public:
  scanning(const message_texts& texts, const pattern_database& database,
           const scan_options& options)
      : texts_{texts}, database_{database}, options_{options} {}

  scan_result run() {
    search();
    weigh();
    if (!database_.model().is_empty()) sound_out();
    links();
    hidden();
    return std::move(out_);
  }

 private:
  void search() {
    std::size_t seen_hits = 0;
    std::size_t read_words = 0;
    words_.resize(texts_.texts.size());
    paragraph_memo memo;
    const auto is_long = [](const message_text& t) { return t.seen.size() >= memo_octets_min; };
    const bool is_twofold = std::count_if(texts_.texts.begin(), texts_.texts.end(), is_long) > 1;
    for (std::size_t i = 0; i < texts_.texts.size(); ++i) {
      const message_text& t = texts_.texts[i];
      bool complete = true;
      const bool is_read =
          t.where != zone::header && t.where != zone::link && read_words < message_words_max;
      const auto hits =
          database_.search(t.seen, t.where, complete, is_twofold && is_long(t) ? &memo : nullptr,
                           is_read ? &words_[i] : nullptr);
      read_words += words_[i].written.size() + words_[i].collapsed.size();
      seen_hits += hits.size();
      for (const hit& h : hits) found_.push_back({i, h});
      if (!complete)
        out_.unscannable_because.push_back("part " + t.part + ": too many hits to weigh");
      if (seen_hits > message_hits_max) {
        out_.unscannable_because.push_back("too many hits to weigh in all parts together");
        break;
      }
    }
    keep_first();
  }

  // Sorts by pattern. The subject counts most and comes first; the rest may fill up.
  void keep_first() {
    const auto key = [](const occurrence& o) {
      return std::tuple{o.where.pattern, o.text, o.where.begin, o.where.end, o.where.view};
    };
    std::sort(found_.begin(), found_.end(),
              [&](const occurrence& a, const occurrence& b) { return key(a) < key(b); });
    std::size_t kept = 0;
    std::size_t same = 0;  // of one pattern
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const std::uint32_t n = found_[i].where.pattern;
      same = i > 0 && found_[i - 1].where.pattern == n ? same + 1 : 0;
      const bool in_group = database_.group_of(n) != pattern_database::no_group;
      if (same >= (in_group ? kept_group_hits_max : kept_hits_max)) continue;
      found_[kept++] = found_[i];
    }
    found_.resize(kept);
    group_places_.resize(database_.group_count());
    for (const occurrence& o : found_) {
      const std::uint32_t g = database_.group_of(o.where.pattern);
      if (g == pattern_database::no_group) continue;
      group_places& all = group_places_[g];
      all.places.push_back({o.text, o.where.begin, o.where.end});
      all.longest = std::max(all.longest, o.where.end - o.where.begin);
      all.has_title = all.has_title || texts_.texts[o.text].is_title;
    }
    for (group_places& g : group_places_)
      std::sort(g.places.begin(), g.places.end(), [](const auto& a, const auto& b) {
        return std::tie(a.text, a.begin) < std::tie(b.text, b.begin);
      });
  }

  // Whether some hit of the group stands near enough. A title is near everything.
  bool is_near(const occurrence& o, std::uint32_t group, std::size_t within) const {
    if (group == pattern_database::link_group && !texts_.links.empty() && within == 0) return true;
    const group_places& g = group_places_[group];
    if (g.places.empty()) return false;
    if (within == 0 || g.has_title || texts_.texts[o.text].is_title) return true;
    const std::size_t before = within + g.longest;
    const std::size_t from = o.where.begin - std::min(o.where.begin, before);
    auto at = std::lower_bound(g.places.begin(), g.places.end(), std::pair{o.text, from},
                               [](const group_place& p, const auto& key) {
                                 return std::tie(p.text, p.begin) < std::tie(key.first, key.second);
                               });
    for (; at != g.places.end() && at->text == o.text && at->begin <= o.where.end + within; ++at)
      if (at->end + within >= o.where.begin) return true;
    return false;
  }

  bool is_supported(const occurrence& o, const pattern& p) const {
    const auto& groups = database_.required_groups(o.where.pattern);
    return std::all_of(groups.begin(), groups.end(),
                       [&](std::uint32_t group) { return is_near(o, group, p.within); });
  }

  // What one pattern brings: its hits that count, the weightiest zone first.
  struct candidate {
    std::uint32_t pattern = 0;
    double score = 0;
    std::vector<occurrence> hits;
  };

  void weigh() {
    std::vector<candidate> candidates;
    const auto& patterns = database_.patterns();
    for (std::size_t i = 0; i < found_.size();) {
      const std::uint32_t n = found_[i].where.pattern;
      candidate c{n, 0, {}};
      for (; i < found_.size() && found_[i].where.pattern == n; ++i) {
        if (patterns[n].weight != 0 && is_supported(found_[i], patterns[n]))
          c.hits.push_back(found_[i]);
      }
      if (c.hits.empty()) continue;
      std::sort(c.hits.begin(), c.hits.end(), [&](const occurrence& a, const occurrence& b) {
        return std::tuple{-factor(a), a.text, a.where.begin} <
               std::tuple{-factor(b), b.text, b.where.begin};
      });
      c.score = patterns[n].weight * factor(c.hits.front());
      candidates.push_back(std::move(c));
    }
    std::sort(candidates.begin(), candidates.end(), [&](const candidate& a, const candidate& b) {
      return std::tuple{patterns[a.pattern].conclusive, a.score, b.pattern} >
             std::tuple{patterns[b.pattern].conclusive, b.score, a.pattern};
    });
    std::vector<finding> others;
    for (const candidate& c : candidates) count(c, others);
    std::sort(out_.findings.begin(), out_.findings.end(), [](const finding& a, const finding& b) {
      return std::tie(b.score, a.pattern) < std::tie(a.score, b.pattern);
    });
    std::move(others.begin(), others.end(), std::back_inserter(out_.findings));
  }

  double factor(const occurrence& o) const {
    return options_.factors.of(texts_.texts[o.text].where);
  }

  // One piece of text speaks once per category: the counted hit is the best that no weightier
  // pattern of the category has taken. The same word stands in the patterns of several languages;
  // to them all its places are taken, not only the counted one.
  void count(const candidate& c, std::vector<finding>& others) {
    const pattern& p = database_.patterns()[c.pattern];
    auto& taken = taken_[p.category];
    const occurrence* best = nullptr;
    for (const occurrence& o : c.hits) {
      const bool is_free = std::none_of(taken.begin(), taken.end(), [&](const taken_place& t) {
        return (t.is_counted || t.language != p.language) && t.text == o.text &&
               t.where.begin < o.where.end && o.where.begin < t.where.end;
      });
      if (is_free) {
        best = &o;
        break;
      }
    }
    std::size_t shown = 0;
    for (const occurrence& o : c.hits) {
      if (&o == best) continue;
      if (shown++ == options_.occurrences_max) break;
      others.push_back(describe(p, o));
    }
    if (best == nullptr) return;
    finding f = describe(p, *best);
    f.score = p.weight * factor(*best);
    out_.scores[p.category] += f.score;
    out_.findings.push_back(std::move(f));
    for (const occurrence& o : c.hits) taken.push_back({o, p.language, &o == best});
  }

  finding describe(const pattern& p, const occurrence& o) const {
    const message_text& t = texts_.texts[o.text];
    finding f;
    f.pattern = p.id;
    f.category = p.category;
    f.language = p.language;
    f.zone = t.where;
    f.part = t.part;
    f.view = o.where.view;
    std::tie(f.begin, f.end) = t.place(o.where.begin, o.where.end);
    // A ß is as long as its ss: half of it is the whole of it.
    while (f.begin > 0 && is_inside_character(t.original, f.begin)) --f.begin;
    while (is_inside_character(t.original, f.end)) ++f.end;
    f.matched = cut(t.original.substr(f.begin, f.end - f.begin), matched_octets_max);
    f.weight = p.weight;
    f.conclusive = p.conclusive;
    return f;
  }

  using model_words = std::vector<content_model::word>;

  // The text that sounds worst, with the subject.
  void sound_out() {
    const content_model& model = database_.model();
    model_words subject;
    for (std::size_t i = 0; i < texts_.texts.size(); ++i)
      if (texts_.texts[i].where == zone::subject)
        subject.insert(subject.end(), words_[i].written.begin(), words_[i].written.end());
    if (subject.size() > subject_words_max) subject.resize(subject_words_max);
    std::size_t longest = 0;
    for (std::size_t i = 0; i < texts_.texts.size(); ++i)
      if (texts_.texts[i].where != zone::subject)
        longest = std::max(longest, words_[i].written.size());
    content_model::opinion worst;
    std::size_t where = 0;
    bool is_collapsed = false;
    for (std::size_t i = 0; i < texts_.texts.size(); ++i) {
      const bool is_subject = texts_.texts[i].where == zone::subject;
      // A title or a few words say too little beside a whole text.
      if (is_subject ? longest > 0 : words_[i].written.size() < std::min(longest, words_judged_min))
        continue;
      for (const model_words* w : {&words_[i].written, &words_[i].collapsed}) {
        if (w->empty()) continue;
        auto o = model.judge(subject, is_subject ? model_words{} : *w);
        if (o.forbidden <= worst.forbidden) continue;
        worst = std::move(o);
        where = i;
        is_collapsed = w == &words_[i].collapsed;
      }
    }
    if (worst.shares.empty()) return;
    for (std::size_t c = 0; c < model.categories().size(); ++c) {
      const double score = model.score(worst, c);
      if (score > 0) report(c, score, worst, where, is_collapsed);
    }
  }

  // The strongest words, each in its place; the first of them has the score.
  void report(std::size_t category, double score, const content_model::opinion& o,
              std::size_t where, bool is_collapsed) {
    constexpr std::size_t words_shown = 5;
    const content_model& model = database_.model();
    const message_text& t = texts_.texts[where];
    const int view = is_collapsed ? 3 : 2;
    const text_views views = text_views::of(t.seen, false);
    model_words all;
    content_model::add_words(views.text(view), all);
    std::span<const content_model::word> piece{all};
    if (t.seen.size() < window_octets_least && o.end > o.begin && o.end <= all.size())
      piece = piece.subspan(o.begin, o.end - o.begin);
    auto shown = model.strongest(piece, category, words_shown);
    if (shown.empty()) shown.emplace_back();
    pattern p{.id = "model." + model.categories()[category],
              .category = model.categories()[category],
              .weight = score};
    bool is_first = true;
    for (const content_model::word& w : shown) {
      const auto [begin, end] = views.original(view, w.begin, w.end);
      finding f = describe(p, {where, {0, view, begin, end}});
      f.note = "by all its words together";
      if (is_first) {
        f.score = score;
        out_.scores[f.category] += score;
      }
      const auto at = !is_first ? out_.findings.end()
                                : std::find_if(out_.findings.begin(), out_.findings.end(),
                                               [&](const finding& x) { return x.score < score; });
      out_.findings.insert(at, std::move(f));
      is_first = false;
    }
  }

  void structural(const std::string& id, const std::string& part, zone where, double weight,
                  std::size_t begin, std::size_t end, const std::string& note) {
    finding f;
    f.pattern = id;
    f.category = "H8";
    f.zone = where;
    f.part = part;
    f.begin = begin;
    f.end = end;
    f.weight = f.score = weight;
    f.note = note;
    out_.scores[f.category] += f.score;
    out_.findings.push_back(std::move(f));
  }

  void links() {
    bool has_confusable = false;
    bool has_mismatch = false;
    std::string_view last_host;  // most links of a mail go to one
    for (const auto& [part, l] : texts_.links) {
      const bool is_new = l.host != std::exchange(last_host, l.host);
      if (is_new && !l.host.empty() && out_.link_hosts.size() < scan_hosts_max &&
          std::ranges::find(out_.link_hosts, l.host) == out_.link_hosts.end())
        out_.link_hosts.push_back(l.host);
      if (!has_confusable && is_new && !l.host.empty() && is_confusable_domain(l.host)) {
        has_confusable = true;
        structural("link.confusable", part, zone::link, 5, l.begin, l.end,
                   "the link goes to " + l.host + ", whose letters imitate others");
      }
      if (!has_mismatch && shows_foreign_brand(l)) {
        has_mismatch = true;
        structural("link.shows_brand", part, zone::link, 5, l.begin, l.end,
                   "the link shows \"" + cut(l.text, 60) + "\" but goes to " + l.host);
      }
    }
  }

  // <a href="https://evil.example">www.otpbank.hu</a>
  bool shows_foreign_brand(const link& l) const {
    if (l.host.empty() || !may_hold_domain(l.text)) return false;
    const std::string text = ascii_lower(l.text);
    return std::any_of(
        database_.brands().begin(), database_.brands().end(), [&](const protected_brand& b) {
          return std::any_of(b.domains.begin(), b.domains.end(),
                             [&](const std::string& d) { return shows_domain(text, d); }) &&
                 std::none_of(b.domains.begin(), b.domains.end(),
                              [&](const std::string& d) { return is_below(l.host, d); });
        });
  }

  static bool may_hold_domain(std::string_view text) {
    for (auto dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.', dot + 1)) {
      if (dot + 1 < text.size() && text[dot + 1] != ' ' && text[dot + 1] != '\n') return true;
    }
    return false;
  }

  static bool shows_domain(std::string_view text, std::string_view domain) {
    const auto at = text.find(domain);
    return at != std::string_view::npos &&
           (at == 0 || std::string_view{"./ "}.find(text[at - 1]) != std::string_view::npos);
  }

  static bool is_below(std::string_view host, std::string_view domain) {
    return host.ends_with(domain) &&
           (host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.');
  }

  void hidden() {
    if (texts_.hidden_letters < hidden_letters_suspicious ||
        texts_.hidden_letters * 2 < texts_.visible_letters) {
      return;
    }
    structural("html.hidden_text", "", zone::hidden, 2, 0, 0,
               std::to_string(texts_.hidden_letters) + " letters are hidden, " +
                   std::to_string(texts_.visible_letters) + " are seen");
  }

  const message_texts& texts_;
  const pattern_database& database_;
  const scan_options& options_;
  std::vector<occurrence> found_;                          // by pattern
  std::vector<text_words> words_;                          // of each text
  std::vector<group_places> group_places_;                 // by number of the group
  std::map<std::string, std::vector<taken_place>> taken_;  // by category
  scan_result out_;
};

}  // namespace

double zone_factors::of(zone z) const noexcept {
  switch (z) {
    case zone::subject:
      return subject;
    case zone::header:
      return header;
    case zone::body:
      return body;
    case zone::link:
      return link;
    case zone::attachment:
      return attachment;
    case zone::hidden:
      return hidden;
  }
  return body;
}

scan_result scan(const smtp::mime::walked_message& mail, const pattern_database& database,
                 const scan_options& options) {
  const message_texts texts = gather_texts(mail, options.html, options.attachments);
  scan_result out = scanning{texts, database, options}.run();
  out.unscannable_because.insert(out.unscannable_because.begin(), texts.unscannable_because.begin(),
                                 texts.unscannable_because.end());
  header_report header = check_headers(mail, options.sender, database.brands());
  out.from_address = std::move(header.from_address);
  out.from_domain = std::move(header.from_domain);
  for (finding& f : header.findings) {
    out.scores[f.category] += f.score;
    // The counted come first, by score.
    const auto at = std::find_if(out.findings.begin(), out.findings.end(),
                                 [&](const finding& other) { return other.score < f.score; });
    out.findings.insert(at, std::move(f));
  }
  auto listed = check_links(texts, database.lists());
  std::move(listed.begin(), listed.end(), std::back_inserter(out.findings));
  out.shows_sender_name = !options.sender_name.empty() && out.scores.contains("reminder") &&
                          shows_name(texts, options.sender_name);
  out.unscannable = !out.unscannable_because.empty();
  return out;
}

}  // namespace consentry::filters
