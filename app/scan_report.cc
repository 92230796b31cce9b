#include "app/scan_report.h"

#include <boost/json.hpp>

#include "base/secret.h"
#include "base/text.h"
#include "filters/content_fingerprint.h"
#include "policy/judge.h"

namespace consentry::app {
namespace {

namespace json = boost::json;

constexpr std::size_t text_bytes_max = 1u << 20;

json::object shown(const smtp::mime::part& p, bool with_texts) {
  json::object o{{"path", p.path},
                 {"depth", p.depth},
                 {"type", to_valid_utf8(p.type)},
                 {"container", p.is_container},
                 {"transfer_encoding", to_valid_utf8(p.transfer_encoding)}};
  if (!p.disposition.empty()) o["disposition"] = to_valid_utf8(p.disposition);
  if (!p.file_name.empty()) o["file_name"] = to_valid_utf8(p.file_name);
  if (!p.charset.empty()) o["charset"] = to_valid_utf8(p.charset);
  if (!p.is_container) {
    o["bytes"] = p.body.size();
    o["sha256"] = hex(as_bytes(sha256(p.body)));
    if (with_texts && !p.text.empty())
      o["text"] = to_valid_utf8(std::string_view{p.text}.substr(0, text_bytes_max));
  }
  return o;
}

// What a link to a listed domain weighs is a knob's to say: the verdict knows.
filters::finding weighed(filters::finding f, const policy::verdict& v) {
  if (f.pattern != "link.shortener") return f;
  for (const auto& m : v.matches)
    if (m.pattern == f.pattern && m.part == f.part && m.begin == f.begin) f.score = m.score;
  return f;
}

}  // namespace

json::object to_json(const filters::finding& f) {
  json::object o{{"pattern", f.pattern},
                 {"category", f.category},
                 {"zone", filters::to_string(f.zone)},
                 {"part", f.part},
                 {"view", f.view},
                 {"begin", f.begin},
                 {"end", f.end},
                 {"matched", to_valid_utf8(f.matched)},
                 {"score", f.score}};
  if (!f.language.empty()) o["language"] = f.language;
  if (f.conclusive) o["conclusive"] = true;
  if (!f.note.empty()) o["note"] = to_valid_utf8(f.note);
  return o;
}

policy::verdict judge_content(const policy::policy_set& policy, const message_reading& reading,
                              instant now) {
  policy::evidence e;
  e.phase = policy::phase::message;
  e.now = now;
  // A transactional mail of a good tenant: what is left to judge is its content.
  e.stream = smtp::stream::transactional;
  e.tenant_state = policy::tenants::tenant_state::active;
  e.campaign = "scan";
  e.topic = "scan";
  e.sender_domain = reading.from_domain;
  e.domain_status = policy::sender_domain_status::verified;
  e.scan = &reading.scan;
  return policy::judge(policy, e);
}

json::object scan_report(const message_reading& reading, const policy::verdict& v,
                         bool with_texts) {
  json::array parts, findings;
  for (const auto& p : reading.mail.parts) parts.push_back(shown(p, with_texts));
  for (const auto& f : reading.scan.findings) findings.push_back(to_json(weighed(f, v)));
  json::object scores;
  for (const auto& [category, score] : reading.scan.scores) scores[category] = score;
  json::array problems, unscannable;
  for (const auto& p : reading.mail.problems) problems.emplace_back(to_valid_utf8(p));
  for (const auto& u : reading.scan.unscannable_because) unscannable.emplace_back(to_valid_utf8(u));
  return {{"parts", std::move(parts)},
          {"findings", std::move(findings)},
          {"scores", std::move(scores)},
          {"fingerprint", hex(filters::fingerprint_of(reading.mail).digest)},
          {"unscannable", std::move(unscannable)},
          {"problems", std::move(problems)},
          {"verdict", policy::to_string(v.decision)},
          {"reason", v.reason},
          {"rule", v.rule},
          {"text", v.text},
          {"policy_version", v.policy_version}};
}

}  // namespace consentry::app
