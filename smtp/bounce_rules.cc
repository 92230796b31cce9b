#include "smtp/bounce_rules.h"

#include <algorithm>
#include <charconv>

#include "base/strict_toml.h"
#include "base/text.h"
#include "smtp/shipped_bounces.h"

namespace consentry::smtp {
namespace {

constexpr std::size_t rules_max = 2000;

std::optional<int> number(std::string_view text) {
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n < 0) return std::nullopt;
  return n;
}

bool is_at_or_below(std::string_view host, std::string_view domain) {
  if (!host.ends_with(domain)) return false;
  return host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
}

}  // namespace

reply reply_of_line(std::string_view line) {
  reply r;
  if (line.size() >= 3) {
    const auto code = number(line.substr(0, 3));
    if (code && (line.size() == 3 || line[3] == ' ' || line[3] == '-')) {
      r.code = *code;
      line.remove_prefix(std::min<std::size_t>(line.size(), 4));
    }
  }
  const auto word = line.substr(0, line.find(' '));
  if (const auto e = parse_enhanced_code(word)) {
    r.enhanced = *e;
    line.remove_prefix(std::min(line.size(), word.size() + 1));
  }
  r.text = line;
  return r;
}

bool bounce_rules::code_pattern::fits(enhanced_code e) const noexcept {
  if (!e) return false;
  return (status_class < 0 || status_class == e.status_class) &&
         (subject < 0 || subject == e.subject) && (detail < 0 || detail == e.detail);
}

// --- the file ---

struct bounce_rules::reader {
  bounce_rules& out;

  static std::optional<code_pattern> enhanced(std::string_view text) {
    const auto pieces = split(text, '.');
    if (pieces.size() != 3) return std::nullopt;
    code_pattern p;
    if (pieces[0] != "x") {
      if (pieces[0] != "4" && pieces[0] != "5") return std::nullopt;
      p.status_class = pieces[0][0] - '0';
    }
    const auto piece = [](std::string_view t, int& to) {
      if (t == "*") return true;
      const auto n = number(t);
      if (!n || *n > 999) return false;
      to = *n;
      return true;
    };
    if (!piece(pieces[1], p.subject) || !piece(pieces[2], p.detail)) return std::nullopt;
    return p;
  }

  static std::optional<code_range> codes(std::string_view text) {
    if (text.size() != 3) return std::nullopt;
    if (text.ends_with("xx")) {
      if (text[0] != '4' && text[0] != '5') return std::nullopt;
      const int base = (text[0] - '0') * 100;
      return code_range{base, base + 99};
    }
    const auto n = number(text);
    if (!n || *n < 400 || *n > 599) return std::nullopt;
    return code_range{*n, *n};
  }

  static bounce_class class_of(toml_section& s) {
    std::vector<std::string> names;
    for (const auto c : all_bounce_classes)
      if (c != bounce_class::none) names.emplace_back(to_string(c));
    const auto name = s.required_text("class");
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      std::string known;
      for (const auto& n : names) known += (known.empty() ? "" : ", ") + n;
      s.fail("class", "there is no class \"" + name + "\"; known are " + known);
    }
    return *parse_bounce_class(name);
  }

  void texts(toml_section& s, rule& r) {
    for (const auto& text : s.placed_texts("text")) {
      const auto added = out.patterns_.add(text.text);
      if (!added) s.fail(text, "no expression: " + added.error().public_text);
      out.rule_of_pattern_.push_back(out.rules_.size());
      r.has_text = true;
    }
  }

  void one_rule(toml_section s) {
    rule r;
    r.id = s.required_text("id");
    const auto has_id = [&](const auto& other) { return other.id == r.id; };
    if (std::any_of(out.rules_.begin(), out.rules_.end(), has_id)) s.fail("id", "this id is taken");
    r.what = class_of(s);
    r.retry = s.flag("retry", false);
    if (r.retry && is_hard(r.what)) s.fail("retry", "a dead address is not tried again");
    for (const auto& text : s.placed_texts("enhanced")) {
      const auto p = enhanced(text.text);
      if (!p) s.fail(text, "an enhanced code is \"5.1.1\", \"x.7.*\" for 4 and 5");
      r.enhanced.push_back(*p);
    }
    for (const auto& text : s.placed_texts("codes")) {
      const auto c = codes(text.text);
      if (!c) s.fail(text, "a code is \"550\" or \"5xx\"");
      r.codes.push_back(*c);
    }
    for (const auto& text : s.placed_texts("hosts")) {
      if (text.text.empty() || text.text.front() == '.')
        s.fail(text, "the name of a mail host, or of a domain above it, is needed");
      r.hosts.push_back(ascii_lower(text.text));
    }
    texts(s, r);
    for (const auto& text : s.placed_texts("samples")) r.samples.push_back({text.text, text.line});
    if (!r.has_text && r.enhanced.empty() && r.codes.empty())
      s.fail("id", "a rule needs text, enhanced or codes");
    s.finish();
    out.rules_.push_back(std::move(r));
  }

  void paces(toml_section s) {
    for (const auto& name : s.keys()) {
      const auto c = parse_bounce_class(name);
      if (!c || *c == bounce_class::none || is_hard(*c))
        s.fail(name, "no class that is waited for: \"" + name + "\"");
      auto of_class = s.section(name);
      constexpr std::int64_t week_s = 7 * 24 * 3600;
      retry_pace p;
      p.first = std::chrono::seconds{of_class.integer("first_s", 300, 1, week_s)};
      p.longest = std::chrono::seconds{of_class.integer("max_s", 14400, 1, week_s)};
      if (p.longest < p.first) of_class.fail("max_s", "max_s must not be less than first_s");
      of_class.finish();
      out.paces_[static_cast<std::size_t>(*c)] = p;
    }
    s.finish();
  }

  void whole(toml_section file) {
    out.file_ = file.file();
    paces(file.section("retry"));
    auto rules = file.sections("rule");
    if (rules.size() > rules_max) file.fail("rule", "at most 2000 rules");
    for (auto& s : rules) one_rule(s);
    if (!out.patterns_.empty() && !out.patterns_.compile())
      file.fail("rule", "the expressions together need too much memory");
    file.finish();
  }
};

bounce_rules::bounce_rules() = default;

std::shared_ptr<const bounce_rules> bounce_rules::parse(std::string_view text,
                                                        const std::string& name) {
  auto out = std::make_shared<bounce_rules>();
  reader{*out}.whole(toml_section::from_text(text, name));
  return out;
}

std::shared_ptr<const bounce_rules> bounce_rules::load(const std::filesystem::path& file) {
  auto out = std::make_shared<bounce_rules>();
  reader{*out}.whole(toml_section::from_file(file));
  return out;
}

const std::shared_ptr<const bounce_rules>& bounce_rules::shipped() {
  static const auto rules = parse(shipped_bounces(), "bounces.toml (built in)");
  return rules;
}

// --- what they say ---

bool bounce_rules::fits(const rule& r, bool text_found, const reply& given,
                        std::string_view host) const {
  if (r.has_text && !text_found) return false;
  const auto in_range = [&](const code_range& c) {
    return c.from <= given.code && given.code <= c.to;
  };
  if (!r.codes.empty() && std::none_of(r.codes.begin(), r.codes.end(), in_range)) return false;
  if (!r.enhanced.empty() && std::none_of(r.enhanced.begin(), r.enhanced.end(),
                                          [&](const auto& p) { return p.fits(given.enhanced); }))
    return false;
  return r.hosts.empty() || std::any_of(r.hosts.begin(), r.hosts.end(),
                                        [&](const auto& h) { return is_at_or_below(host, h); });
}

bounce_verdict bounce_rules::classify(const reply& r, std::string_view host) const {
  // A delivery report may give an enhanced code alone (RFC 3464 section 2.3.4).
  const int digit = r.code != 0 ? r.code / 100 : r.enhanced.status_class;
  if (digit == 2 || digit == 3) return {};
  const bool is_final = digit == 5;
  bounce_verdict out{is_final ? bounce_class::other_permanent : bounce_class::transient, {}, false};
  const auto low_host = ascii_lower(host);
  std::vector<bool> found(rules_.size(), false);
  for (const int n : patterns_.matches(text_for_patterns(r)))
    found[rule_of_pattern_[static_cast<std::size_t>(n)]] = true;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (!fits(rules_[i], found[i], r, low_host)) continue;
    out = {rules_[i].what, rules_[i].id, is_final && rules_[i].retry};
    break;
  }
  if (!is_final && is_hard(out.what)) out.what = bounce_class::transient;
  return out;
}

std::optional<retry_pace> bounce_rules::pace_of(bounce_class c) const {
  return paces_[static_cast<std::size_t>(c)];
}

std::vector<std::string> bounce_rules::wrong_samples() const {
  std::vector<std::string> out;
  for (const auto& r : rules_)
    for (const auto& s : r.samples) {
      const auto got = classify(reply_of_line(s.text), r.hosts.empty() ? "" : r.hosts.front());
      if (got.rule == r.id) continue;
      out.push_back(file_ + ":" + std::to_string(s.line) + ": the sample of " + r.id +
                    (got.rule.empty() ? " fits no rule" : " is taken by " + got.rule) + ": " +
                    s.text);
    }
  return out;
}

}  // namespace consentry::smtp
