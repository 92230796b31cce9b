#include "filters/pattern_file.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/strict_toml.h"
#include "base/text.h"
#include "filters/confusable_domain.h"
#include "filters/pattern_words.h"
#include "filters/text_view.h"

namespace consentry::filters {
namespace {

constexpr double weight_max = 20;
constexpr std::size_t within_max = 100'000;
constexpr std::size_t expression_octets_max = 1'000;

const std::vector<std::string> languages = {"hu", "en"};
const std::vector<std::string> categories = {
    "H1",       "H2",   "H3", "H4", "H5", "H6", "H7", "H8",
    "S1",       "S2",   "S3", "S4", "S5", "S6", "S7", "permission_request",
    "reminder", "group"};
const std::vector<std::string> view_names = {"accents", "folded", "collapsed"};

bool is_name(std::string_view s) {
  return !s.empty() && s.size() <= 64 && std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::vector<pattern_piece> read_words(toml_section& t, const char* key) {
  std::vector<pattern_piece> out;
  for (placed_text& given : t.placed_texts(key)) {
    read_or_note([&] {
      try {
        parse_phrase(given.text, 2);  // says early, with the place, what is wrong
      } catch (const std::invalid_argument& wrong) {
        t.fail(given, "\"" + given.text + "\": " + wrong.what());
      }
    });
    out.push_back({std::move(given.text), false, given.line});
  }
  return out;
}

void add_expressions(toml_section& t, const char* key, std::vector<pattern_piece>& out) {
  for (placed_text& e : t.placed_texts(key)) {
    if (e.text.empty() || e.text.size() > expression_octets_max) {
      t.fail(e, "an expression has 1 to 1000 characters");
    }
    out.push_back({std::move(e.text), true, e.line});
  }
}

void read_views(toml_section& t, pattern& p) {
  for (const std::string& name : t.texts("views")) {
    const auto at = std::find(view_names.begin(), view_names.end(), name);
    if (at == view_names.end()) {
      t.fail("views", "unknown view \"" + name + "\" (accents, folded, collapsed)");
    }
    p.views.push_back(static_cast<int>(at - view_names.begin()) + 1);
  }
  p.names_views = !p.views.empty();
  if (p.views.empty()) p.views = {2, 3};
}

void read_zones(toml_section& t, pattern& p) {
  constexpr zone all[] = {zone::header, zone::subject,    zone::body,
                          zone::link,   zone::attachment, zone::hidden};
  for (const std::string& name : t.texts("zones")) {
    const auto at =
        std::find_if(std::begin(all), std::end(all), [&](zone z) { return to_string(z) == name; });
    if (at == std::end(all)) t.fail("zones", "unknown zone \"" + name + "\"");
    p.zones.push_back(*at);
  }
}

struct file_defaults {
  std::string language;
  std::string category;
  std::vector<pattern_piece> allow;
};

pattern read_pattern(toml_section& t, const file_defaults& file) {
  pattern p;
  p.file = t.file();
  p.line = t.line();
  p.language = file.language;
  const std::string category = t.choice("category", file.category, categories);
  if (category != "group") p.category = category;
  const std::string id = t.required_text("id");
  if (!is_name(id)) t.fail("id", "an id has small letters, digits, - and _");
  p.id = p.language + "." + file.category + "." + id;

  p.pieces = read_words(t, "words");
  add_expressions(t, "expressions", p.pieces);
  if (p.pieces.empty()) t.fail("id", "a pattern needs words or expressions");
  p.allow = read_words(t, "allow");
  add_expressions(t, "allow_expressions", p.allow);
  p.allow.insert(p.allow.end(), file.allow.begin(), file.allow.end());

  read_views(t, p);
  read_zones(t, p);
  p.weight = t.number("weight", 0, 0, weight_max);
  p.conclusive = t.flag("conclusive", false);
  p.group = t.text("group", "");
  if (!p.group.empty() && !is_name(p.group)) {
    t.fail("group", "a group has small letters, digits, - and _");
  }
  p.requires_ = t.texts("requires");
  p.within =
      static_cast<std::size_t>(t.integer("within", 0, 0, static_cast<std::int64_t>(within_max)));
  if (p.within != 0 && p.requires_.empty()) t.fail("within", "within needs requires");
  if (p.weight == 0 && p.group.empty()) t.fail("id", "a pattern needs a weight or a group");
  if (p.weight != 0 && p.category.empty()) t.fail("weight", "a weight needs a category");
  if (p.conclusive && p.weight == 0) t.fail("conclusive", "conclusive needs a weight");

  p.must_match = t.placed_texts("must_match");
  p.must_not_match = t.placed_texts("must_not_match");
  if (p.weight != 0 && p.must_match.empty()) t.fail("id", "must_match needs a sample");
  if (p.weight != 0 && p.must_not_match.empty()) t.fail("id", "must_not_match needs a sample");
  t.finish();
  return p;
}

void read_brand(toml_section& b, std::vector<protected_brand>& out) {
  const std::vector<std::string> names = b.texts("names");
  const std::vector<std::string> domains = b.texts("domains");
  if (names.empty()) b.fail("names", "a brand needs names");
  if (domains.empty()) b.fail("domains", "a brand needs domains");
  for (const std::string& name : names) {
    protected_brand brand{.name = ascii_folded(name), .domains = {}, .skeletons = {}};
    for (const std::string& d : domains) {
      brand.domains.push_back(ascii_lower(d));
      brand.skeletons.push_back(domain_skeleton(d));
    }
    out.push_back(std::move(brand));
  }
  b.finish();
}

std::vector<protected_brand> read_brands(toml_section t) {
  std::vector<protected_brand> out;
  for (toml_section& b : t.sections("brand")) {
    read_or_note([&] { read_brand(b, out); });
  }
  t.finish();
  return out;
}

pattern_file read_file(toml_section t, const std::string& name) {
  file_defaults defaults;
  defaults.language = t.choice("language", "", languages);
  defaults.category = t.choice("category", "", categories);
  defaults.allow = read_words(t, "allow");
  pattern_file out{name, {}};
  std::set<std::string> ids;
  for (toml_section& s : t.sections("pattern")) {
    read_or_note([&] {
      out.patterns.push_back(read_pattern(s, defaults));
      if (!ids.insert(out.patterns.back().id).second) s.fail("id", "this id stands here twice");
    });
  }
  t.finish();
  return out;
}

}  // namespace

std::string_view to_string(zone z) noexcept {
  switch (z) {
    case zone::header:
      return "header";
    case zone::subject:
      return "subject";
    case zone::body:
      return "body";
    case zone::link:
      return "link";
    case zone::attachment:
      return "attachment";
    case zone::hidden:
      return "hidden";
  }
  return "body";
}

pattern_file parse_pattern_file(std::string_view toml, const std::string& name) {
  return read_file(toml_section::from_text(toml, name), name);
}

std::vector<std::filesystem::path> pattern_files_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const std::string& language : languages) {
    std::error_code ignored;
    const auto first = static_cast<std::ptrdiff_t>(files.size());
    for (const auto& entry : std::filesystem::directory_iterator{folder / language, ignored}) {
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
    }
    std::sort(files.begin() + first, files.end());
  }
  return files;
}

pattern_file read_pattern_file(const std::filesystem::path& file) {
  return read_file(toml_section::from_file(file), file.string());
}

std::vector<protected_brand> parse_brands(std::string_view toml, const std::string& name) {
  return read_brands(toml_section::from_text(toml, name));
}

content_model parse_model(std::string_view toml, const std::string& name) {
  return content_model::read(toml_section::from_text(toml, name));
}

pattern_set load_patterns(const std::filesystem::path& folder) {
  pattern_set out;
  for (const auto& f : pattern_files_below(folder)) out.files.push_back(read_pattern_file(f));
  if (out.files.empty()) {
    throw configuration_error{folder.string() + ":1: no pattern files in hu/ or en/"};
  }
  if (std::filesystem::exists(folder / "brands.toml")) {
    out.brands = read_brands(toml_section::from_file(folder / "brands.toml"));
  }
  if (const auto model = folder / "model.toml"; std::filesystem::exists(model)) {
    out.model = content_model::read(toml_section::from_file(model));
  }
  return out;
}

}  // namespace consentry::filters
