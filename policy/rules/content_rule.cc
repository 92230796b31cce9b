#include "policy/rules/content_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "policy/rules/link_rule.h"

namespace consentry::policy::rules {

namespace {

struct category_name {
  std::string_view id;
  std::string_view words;
};

constexpr std::array<category_name, 15> categories{{
    {"H1", "pornographic or sexual content"},
    {"H2", "advertising of prostitution"},
    {"H3", "incitement to illegal activity"},
    {"H4", "advertising of illegal goods or services"},
    {"H5", "content against persons, rights or religious belief"},
    {"H6", "obscene or offensive content"},
    {"H7", "infringement of intellectual property"},
    {"H8", "forged or deceptive header information"},
    {"S1", "pharmaceuticals"},
    {"S2", "multi-level marketing"},
    {"S3", "gambling"},
    {"S4", "debt settlement or loans"},
    {"S5", "health products, vitamins or herbal remedies"},
    {"S6", "quick money"},
    {"S7", "home or piece work"},
}};

// The filters find more than forbidden content; that is for other rules to judge.
bool is_content(std::string_view category) {
  return std::ranges::any_of(categories, [&](const auto& c) { return c.id == category; });
}

std::string_view words_for(std::string_view category) {
  for (const auto& c : categories)
    if (c.id == category) return c.words;
  return "forbidden content";
}

// What one category weighs.
struct weighed {
  double score = 0;
  std::set<std::string_view> patterns;
  bool conclusive = false;
};

std::map<std::string_view, weighed> weigh(const rule_knobs& k, const filters::scan_result& scan) {
  std::map<std::string_view, weighed> out;
  for (const auto& [category, score] : scan.scores) out[category].score = score;
  for (const auto& f : scan.findings) {
    auto& w = out[f.category];
    w.patterns.insert(f.pattern);
    w.conclusive |= f.conclusive;
  }
  if (const auto points = shortener_points(k, scan); points > 0) {
    out["H8"].score += points;
    out["H8"].patterns.insert("link.shortener");
  }
  return out;
}

// Indicators only: patterns cannot prove that a person is insulted or a right infringed.
bool is_for_a_person_to_see(std::string_view category) {
  return category == "H5" || category == "H7";
}

decision weigh_hard(hearing& h, std::string_view category, const weighed& w) {
  const auto& k = h.knobs();
  const bool is_proven = w.conclusive || (w.score >= k.content_reject && w.patterns.size() >= 2);
  if (is_proven && !is_for_a_person_to_see(category)) {
    h.used("hard.action");
    return k.hard_reject ? decision::refuse : decision::hold;
  }
  return w.conclusive || w.score >= k.content_hold ? decision::hold : decision::send;
}

// Of several that count, the one that lasts longest.
const tenants::exemption* exemption_from(const evidence& e, std::string_view category) {
  const tenants::exemption* out = nullptr;
  if (!tenants::is_exemptible(category)) return out;
  for (const auto& x : e.exemptions)
    if (x.category == category && x.counts_at(e.now) && (!out || x.last_day > out->last_day))
      out = &x;
  return out;
}

void judge_category(hearing& h, std::string_view category, const weighed& w) {
  const bool is_hard = category.starts_with('H');
  const auto d = is_hard                               ? weigh_hard(h, category, w)
                 : w.score >= h.knobs().content_reject ? decision::hold
                                                       : decision::send;
  if (d == decision::send) {
    if (w.score > 0) h.tag(category);
  } else if (const auto* x = exemption_from(h.facts(), category)) {
    h.tag(category);
    h.exempt(category, *x);
  } else {
    const auto reason = "content." + ascii_lower(category);
    const auto text =
        fmt::format("The message holds {} ({}, terms 5.5){}", words_for(category), category,
                    d == decision::refuse ? "." : "; it waits until a person has looked at it.");
    if (d == decision::refuse) {
      h.refuse(reason, category, text);
    } else {
      h.hold(reason, category, text);
    }
  }
}

void judge_unscannable(hearing& h, const filters::scan_result& scan) {
  h.used("unscannable.action");
  std::string text = "A part of the message cannot be read, so its content cannot be checked";
  if (!scan.unscannable_because.empty())
    text += " (" + printable(scan.unscannable_because.front(), 120) + ")";
  text += '.';
  using enum rule_knobs::unscannable;
  switch (h.knobs().unscannable_action) {
    case reject:
      return h.refuse("content.unscannable", "A6", text);
    case hold:
      return h.hold("content.unscannable", "A6", text);
    case tag: {
      // It goes; verdict and `why` tell of it as of any finding.
      h.tag("unscannable");
      filters::finding f;
      f.pattern = "content.unscannable";
      f.category = "A6";
      f.note = text;
      return h.match(f);
    }
  }
}

}  // namespace

void content_rule(hearing& h) {
  const auto& f = h.facts();
  // What was found stays as judged at acceptance (DESIGN, way of a message).
  if (f.phase != phase::message) return;
  if (!f.scan) {
    h.hold("content.unscannable", "A6", "The message was not checked.");
    return;
  }
  h.used("content.hold");
  h.used("content.reject");
  if (f.scan->unscannable) judge_unscannable(h, *f.scan);
  for (const auto& [category, w] : weigh(h.knobs(), *f.scan))
    if (is_content(category)) judge_category(h, category, w);
  for (const auto& finding : f.scan->findings)
    if (is_content(finding.category)) h.match(finding);
}

}  // namespace consentry::policy::rules
