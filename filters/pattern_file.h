// Pattern files: conf/patterns/<language>/<category>_<name>.toml. docs/decisions/pattern-files.md
// tells how to write them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/strict_toml.h"
#include "filters/content_model.h"
#include "filters/finding.h"
#include "filters/url_lists.h"

namespace consentry::filters {

// One piece of a pattern: a word or phrase, or an expression. Words, separated by single blanks:
//
// - word: exactly this word; word+: with the usual endings of its language;
// - stem~: then up to 12 letters (a stem of less than five takes usual endings only: anything may
//   begin so by chance); ~stem: inside a compound, up to 24 letters before it;
// - ..: between two words, at most 64 octets of anything in the same paragraph;
// - {a,b c}: one of these, in a word or as words.
//
// Edges of words are Unicode letters' edges (RULES F4). Accents do not matter in views 2 and 3.
struct pattern_piece {
  std::string text;
  bool is_expression = false;  // Hyperscan's subset, in the alphabet of the view
  int line = 0;
};

struct pattern {
  std::string id;        // "hu.S3.kaszino": language, category (or group), name in the file
  std::string category;  // "H1".."H8", "S1".."S7", "permission_request" (RULES 5.1), "reminder"
                         // (5.4); empty: only a member of a group
  std::string language;  // "hu", "en"
  std::vector<pattern_piece> pieces;
  std::vector<pattern_piece> allow;  // a hit inside one of these does not count (RULES F5, F6)
  std::vector<int> views;            // default {2, 3}; of expressions {2}
  bool names_views = false;          // else these are the defaults
  std::vector<zone> zones;           // empty: all
  double weight = 0;                 // 0: a helper, not a finding
  bool conclusive = false;
  std::string group;                   // hits of this pattern are hits of this group
  std::vector<std::string> requires_;  // counts only where each of these groups was hit, too
  std::size_t within = 0;  // ... at most that many octets away in the same part; 0: anywhere
  std::vector<placed_text> must_match;
  std::vector<placed_text> must_not_match;
  std::string file;
  int line = 0;
};

struct pattern_file {
  std::string name;  // path, for errors
  std::vector<pattern> patterns;
};

// A name that only its owner may show as the sender (RULES A6, H8).
struct protected_brand {
  std::string name;                    // ascii_folded
  std::vector<std::string> domains;    // its own, lower case; sub-domains are its own too
  std::vector<std::string> skeletons;  // of these, as domain_skeleton() gives them
};

struct pattern_set {
  std::vector<pattern_file> files;
  std::vector<protected_brand> brands;
  url_lists lists;
  content_model model;
};

// All throw configuration_error "file:line: text": unknown keys, categories, zones or groups,
// empty or double ids, words that cannot be written that way, missing samples.
pattern_file parse_pattern_file(std::string_view toml, const std::string& name);
pattern_file read_pattern_file(const std::filesystem::path& file);
// <folder>/hu/*.toml, <folder>/en/*.toml in order of name.
std::vector<std::filesystem::path> pattern_files_below(const std::filesystem::path& folder);
// Those, <folder>/brands.toml and <folder>/model.toml.
pattern_set load_patterns(const std::filesystem::path& folder);
std::vector<protected_brand> parse_brands(std::string_view toml, const std::string& name);
content_model parse_model(std::string_view toml, const std::string& name);

}  // namespace consentry::filters
