#include "policy/rules/link_rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace consentry::policy::rules {

namespace {

using link_action = rule_knobs::link_action;

const filters::finding* first_of(const filters::scan_result& scan, std::string_view category) {
  const auto at = std::ranges::find(scan.findings, category, &filters::finding::category);
  return at == scan.findings.end() ? nullptr : &*at;
}

void judge_blocklist(hearing& h, const filters::finding& f) {
  h.used("links.blocklist");
  const auto text = "The message has a link to a blocked domain: " + printable(f.note, 150);
  switch (h.knobs().links_blocklist) {
    case link_action::refuse:
      return h.refuse("content.url_blocklist", "A6", text + ".");
    case link_action::hold:
      return h.hold("content.url_blocklist", "A6",
                    text + "; it waits until a person has looked at it.");
    case link_action::score:
    case link_action::tag:
      return h.tag(blocklist_category);
  }
}

void judge_shortener(hearing& h, const filters::finding& f) {
  h.used("links.shortener");
  if (h.knobs().links_shortener == link_action::score) h.used("links.shortener_score");
  if (h.knobs().links_shortener != link_action::hold) return h.tag(shortener_category);
  h.hold(
      "content.url_shortener", "A6",
      fmt::format("The message has a link by a shortener: {}; it waits until a person has looked "
                  "at it.",
                  printable(f.note, 150)));
}

}  // namespace

double shortener_points(const rule_knobs& k, const filters::scan_result& scan) {
  const bool counts =
      k.links_shortener == link_action::score && first_of(scan, shortener_category) != nullptr;
  return counts ? k.links_shortener_score : 0;
}

void link_rule(hearing& h) {
  const auto& f = h.facts();
  // What was found stays as judged at acceptance, as all content.
  if (f.phase != phase::message || !f.scan) return;
  if (const auto* blocked = first_of(*f.scan, blocklist_category)) judge_blocklist(h, *blocked);
  if (const auto* shortener = first_of(*f.scan, shortener_category)) judge_shortener(h, *shortener);
  double points = shortener_points(h.knobs(), *f.scan);
  for (auto finding : f.scan->findings) {
    if (finding.category != blocklist_category && finding.category != shortener_category) continue;
    // However many shorteners: the points count once, as each pattern does.
    if (finding.category == shortener_category) finding.score = std::exchange(points, 0);
    h.match(finding);
  }
}

}  // namespace consentry::policy::rules
