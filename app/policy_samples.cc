#include "app/policy_samples.h"

#include <algorithm>
#include <boost/json.hpp>

#include "app/message_reading.h"
#include "app/scan_report.h"
#include "base/strict_toml.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

const std::vector<std::string> labels = {"h1", "h2", "h3", "h4", "h5", "h6", "h7",   "s1",
                                         "s2", "s3", "s4", "s5", "s6", "s7", "clean"};

std::string label_named(std::string label) {
  if (label != "clean") label[0] = static_cast<char>(label[0] - 'a' + 'A');
  return label;
}

std::string with_line_ends(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' && !out.ends_with('\r')) out += '\r';
    out += c;
  }
  return out + "\r\n";
}

std::string text_part(std::string_view type, std::string_view text) {
  return "Content-Type: " + std::string{type} +
         "; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + with_line_ends(text);
}

// A mail of a text, and of HTML beside it if there is some.
std::string mail_of(const std::string& from, const std::string& subject, const std::string& text,
                    const std::string& html) {
  std::string out = "From: " + from + " <hirlevel@bolt.example>\r\nTo: <olvaso@example.org>\r\n" +
                    "Subject: " + subject + "\r\nMIME-Version: 1.0\r\n";
  if (html.empty()) return out + text_part("text/plain", text);
  return out + "Content-Type: multipart/alternative; boundary=sample\r\n\r\n--sample\r\n" +
         text_part("text/plain", text) + "--sample\r\n" + text_part("text/html", html) +
         "--sample--\r\n";
}

// A display name that no quotes end.
std::string quoted(std::string name) {
  std::erase_if(name, [](char c) { return c == '"' || c == '\\' || c == '\r' || c == '\n'; });
  return "\"" + name + "\"";
}

std::vector<labelled_message> load_file(const fs::path& file) {
  auto t = toml_section::from_file(file);
  labelled_message common;
  common.label = label_named(t.choice("label", "", labels));
  common.language = t.choice("language", "", {"hu", "en"});
  t.text("trade", "");
  std::vector<labelled_message> out;
  for (auto& m : t.sections("message")) {
    labelled_message one = common;
    one.id = m.required_text("id");
    for (const std::string& a : m.texts("also")) one.also.push_back(label_named(a));
    m.text("sector", "");
    const auto from = m.text("from_name", "Bolt");
    const auto subject = m.required_text("subject");
    const auto text = m.required_text("text");
    one.mail = mail_of(quoted(from), subject, text, m.text("html", ""));
    m.finish();
    out.push_back(std::move(one));
  }
  t.finish();
  if (out.empty()) t.fail("message", "no message stands in it");
  return out;
}

// Whether that category alone would hold or refuse it.
bool is_enough(const policy::rule_knobs& rules, const std::string& category, double score) {
  if (category.size() != 2) return false;
  return category[0] == 'H' ? score >= rules.content_hold : score >= rules.content_reject;
}

struct judged {
  bool is_stopped = false;
  std::string reason;
  std::vector<std::string> categories;  // each of which would be enough
};

judged judge_sample(const active_policy& policy, const labelled_message& m) {
  const auto reading = read_message(m.mail, *policy.patterns, {});
  if (!reading) return {.is_stopped = true, .reason = reading.error().public_text};
  const auto v = judge_content(*policy.set, *reading, instant{});
  judged out{
      .is_stopped = v.decision == policy::decision::hold || v.decision == policy::decision::refuse,
      .reason = v.reason};
  for (const auto& [category, score] : reading->scan.scores)
    if (is_enough(policy.set->rules, category, score)) out.categories.push_back(category);
  return out;
}

bool is_right(const labelled_message& m, const std::string& category) {
  return category == m.label || std::find(m.also.begin(), m.also.end(), category) != m.also.end();
}

double share(std::size_t part, std::size_t all) {
  return all == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(all);
}

json::object shown(const sample_tally& t) {
  return {{"all", t.all}, {"stopped", t.stopped}, {"own", t.own}};
}

json::array shown(const std::vector<sample_miss>& misses) {
  json::array out;
  for (const auto& m : misses)
    out.push_back(json::object{{"id", m.id}, {"label", m.label}, {"reason", m.reason}});
  return out;
}

}  // namespace

std::vector<labelled_message> load_samples(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const char* language : {"hu", "en"}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator{folder / language, error})
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  if (files.empty()) throw configuration_error{folder.string() + ": no samples"};
  std::sort(files.begin(), files.end());
  std::vector<labelled_message> out;
  for (const auto& f : files) {
    auto some = load_file(f);
    std::move(some.begin(), some.end(), std::back_inserter(out));
  }
  return out;
}

bool is_judged_by_words(std::string_view label) {
  return label != "H5" && label != "H7" && label != "clean";
}

double sample_figures::recall(const std::string& label) const {
  sample_tally sum;
  const auto at = by_label.find(label);
  if (at == by_label.end()) return 1;
  for (const auto& [language, t] : at->second) {
    sum.all += t.all;
    sum.stopped += t.stopped;
  }
  return share(sum.stopped, sum.all);
}

double sample_figures::false_alarms() const {
  return by_label.contains("clean") ? recall("clean") : 0;
}

sample_figures measure(const active_policy& policy, const std::vector<labelled_message>& messages) {
  sample_figures out;
  for (const auto& m : messages) {
    const judged j = judge_sample(policy, m);
    auto& t = out.by_label[m.label][m.language];
    ++t.all;
    t.stopped += j.is_stopped ? 1 : 0;
    const bool is_own = std::any_of(j.categories.begin(), j.categories.end(),
                                    [&](const auto& c) { return is_right(m, c); });
    t.own += is_own ? 1 : 0;
    for (const auto& c : j.categories) {
      auto& [all, right] = out.stopped_by[c];
      ++all;
      right += is_right(m, c) ? 1 : 0;
    }
    if (m.label == "clean" && j.is_stopped) out.alarms.push_back({m.id, m.label, j.reason});
    if (m.label != "clean" && !j.is_stopped) out.misses.push_back({m.id, m.label, j.reason});
  }
  return out;
}

json::object to_json(const sample_figures& f) {
  json::object by_label, precision;
  for (const auto& [label, languages] : f.by_label) {
    json::object one;
    for (const auto& [language, t] : languages) one[language] = shown(t);
    one["recall"] = f.recall(label);
    by_label[label] = std::move(one);
  }
  for (const auto& [category, n] : f.stopped_by)
    precision[category] = json::object{
        {"stopped", n.first}, {"rightly", n.second}, {"precision", share(n.second, n.first)}};
  return {{"labels", std::move(by_label)},
          {"categories", std::move(precision)},
          {"false_alarms", f.false_alarms()},
          {"misses", shown(f.misses)},
          {"alarms", shown(f.alarms)}};
}

}  // namespace consentry::app
