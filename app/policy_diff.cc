#include "app/policy_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "base/secret.h"
#include "base/text.h"
#include "policy/policy_file.h"

namespace consentry::app {
namespace {

using set_of_texts = std::set<std::string>;

// All that can be said of a pattern: single values by name, lists by name.
struct described {
  std::map<std::string, std::string> values;
  std::map<std::string, set_of_texts> lists;
};

described describe(const filters::pattern& p) {
  described d;
  d.values = {{"weight", fmt::format("{}", p.weight)},
              {"category", p.category},
              {"conclusive", p.conclusive ? "true" : "false"},
              {"group", p.group},
              {"within", std::to_string(p.within)}};
  for (const auto& piece : p.pieces)
    d.lists[piece.is_expression ? "expressions" : "words"].insert(piece.text);
  for (const auto& piece : p.allow) d.lists["allow"].insert(piece.text);
  for (const int v : p.views) d.lists["views"].insert(std::to_string(v));
  for (const auto z : p.zones) d.lists["zones"].insert(std::string{filters::to_string(z)});
  for (const auto& g : p.requires_) d.lists["requires"].insert(g);
  for (const auto& s : p.must_match) d.lists["must_match"].insert(s.text);
  for (const auto& s : p.must_not_match) d.lists["must_not_match"].insert(s.text);
  return d;
}

// Of what is too long to be told word by word.
std::string short_digest(std::string_view text) {
  return hex(as_bytes(sha256(text)).substr(0, 8));
}

struct whole_policy {
  std::map<std::string, std::string> knobs;
  std::map<std::string, described> patterns;
};

whole_policy read_whole(const policy_bundle& b) {
  whole_policy out;
  for (const auto& [name, f] : b.files) {
    if (name.starts_with("policy/")) {
      out.knobs = policy::knobs_of(policy::parse_policy(f.text, f.shown));
    } else if (name == brands_name) {
      for (const auto& brand : filters::parse_brands(f.text, f.shown)) {
        auto& domains = out.patterns["brand: " + brand.name].lists["domains"];
        domains.insert(brand.domains.begin(), brand.domains.end());
      }
    } else if (name == model_name) {
      out.knobs[name] = short_digest(f.text);
    } else if (name.starts_with("lists/")) {
      auto& domains = out.patterns[name].lists["domains"];
      const auto list = filters::parse_host_list(f.text, f.shown);
      for (const auto& [host, line] : list.all()) domains.insert(host);
    } else {
      for (const auto& p : filters::parse_pattern_file(f.text, f.shown).patterns)
        out.patterns[p.id] = describe(p);
    }
  }
  return out;
}

// Calls f(key, from or nullptr, to or nullptr) for each key of both, in order.
template <class Map, class F>
void side_by_side(const Map& from, const Map& to, F f) {
  auto a = from.begin();
  auto b = to.begin();
  while (a != from.end() || b != to.end()) {
    if (b == to.end() || (a != from.end() && a->first < b->first)) {
      f(a->first, &a->second, nullptr);
      ++a;
    } else if (a == from.end() || b->first < a->first) {
      f(b->first, nullptr, &b->second);
      ++b;
    } else {
      f(a->first, &a->second, &b->second);
      ++a;
      ++b;
    }
  }
}

std::vector<std::string> differences(const described& from, const described& to) {
  std::vector<std::string> out;
  side_by_side(from.values, to.values,
               [&](const std::string& name, const std::string* a, const std::string* b) {
                 if (a != nullptr && b != nullptr && *a != *b)
                   out.push_back(fmt::format("{}: {} -> {}", name, *a, *b));
               });
  side_by_side(from.lists, to.lists,
               [&](const std::string& name, const set_of_texts* a, const set_of_texts* b) {
                 static const set_of_texts none;
                 for (const auto& t : a == nullptr ? none : *a)
                   if (b == nullptr || !b->contains(t)) out.push_back("- " + name + ": " + t);
                 for (const auto& t : b == nullptr ? none : *b)
                   if (a == nullptr || !a->contains(t)) out.push_back("+ " + name + ": " + t);
               });
  return out;
}

std::string_view to_string(pattern_fate f) noexcept {
  return f == pattern_fate::added ? "added" : f == pattern_fate::removed ? "removed" : "changed";
}

}  // namespace

policy_diff compare(const policy_bundle& from, const policy_bundle& to) {
  const auto a = read_whole(from);
  const auto b = read_whole(to);
  policy_diff out;
  side_by_side(a.knobs, b.knobs,
               [&](const std::string& name, const std::string* x, const std::string* y) {
                 const std::string was = x == nullptr ? "" : *x, is = y == nullptr ? "" : *y;
                 if (was != is) out.knobs.push_back({name, was, is});
               });
  side_by_side(a.patterns, b.patterns,
               [&](const std::string& id, const described* x, const described* y) {
                 if (x == nullptr) {
                   out.patterns.push_back({id, pattern_fate::added, differences({}, *y)});
                 } else if (y == nullptr) {
                   out.patterns.push_back({id, pattern_fate::removed, {}});
                 } else if (auto what = differences(*x, *y); !what.empty()) {
                   out.patterns.push_back({id, pattern_fate::changed, std::move(what)});
                 }
               });
  side_by_side(
      from.files, to.files,
      [&](const std::string& name, const policy_bundle::file* x, const policy_bundle::file* y) {
        if (x == nullptr || y == nullptr || x->text != y->text) out.files.push_back(name);
      });
  return out;
}

boost::json::object to_json(const policy_diff& d) {
  boost::json::array knobs, patterns;
  for (const auto& k : d.knobs)
    knobs.push_back(boost::json::object{{"knob", k.knob}, {"from", k.from}, {"to", k.to}});
  for (const auto& p : d.patterns)
    patterns.push_back(boost::json::object{
        {"id", p.id}, {"fate", to_string(p.fate)}, {"what", boost::json::value_from(p.what)}});
  return {{"knobs", std::move(knobs)},
          {"patterns", std::move(patterns)},
          {"files", boost::json::value_from(d.files)}};
}

}  // namespace consentry::app
