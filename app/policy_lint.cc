#include "app/policy_lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <regex>
#include <tuple>

#include "policy/policy_file.h"

namespace consentry::app {
namespace {

// By place; of several complaints about one the first counts: the others follow from it.
void put_in_order(std::vector<toml_problem>& problems) {
  std::map<std::tuple<std::string, int, int>, toml_problem> by_place;
  for (auto& p : problems) by_place.try_emplace({p.file, p.line, p.column}, p);
  problems.clear();
  for (auto& [place, p] : by_place) problems.push_back(std::move(p));
}

// "file:line: text", as errors of other rooms come.
toml_problem problem_of(const configuration_error& e) {
  static const std::regex placed{"^(.*?):(\\d+): ([\\s\\S]*)$"};
  const std::string text = e.what();
  std::smatch m;
  if (!std::regex_match(text, m, placed)) return {{}, 0, 0, text, {}};
  return {m[1], std::stoi(m[2]), 1, m[3], {}};
}

template <class F>
void gather(std::vector<toml_problem>& problems, F f) {
  try {
    f();
  } catch (const toml_error& e) {
    problems.push_back(e.problem());
  } catch (const configuration_error& e) {
    problems.push_back(problem_of(e));
  }
}

std::vector<toml_problem> wrong_notation(const policy_bundle& b) {
  toml_problem_collector collector;
  std::vector<toml_problem> problems;
  if (!b.files.contains("policy/default.toml"))
    problems.push_back({"policy/default.toml", 0, 0, "the policy file is missing", {}});
  for (const auto& [name, f] : b.files) {
    gather(problems, [&] {
      if (name.starts_with("policy/"))
        policy::parse_policy(f.text, f.shown);
      else if (name == brands_name)
        filters::parse_brands(f.text, f.shown);
      else if (name == model_name)
        filters::parse_model(f.text, f.shown);
      else if (name.starts_with("lists/"))
        filters::parse_host_list(f.text, f.shown);
      else
        filters::parse_pattern_file(f.text, f.shown);
    });
  }
  for (auto& p : collector.take()) problems.push_back(std::move(p));
  return problems;
}

// The engine tells of one expression at a time: each is asked by itself.
std::vector<toml_problem> refused_expressions(const policy_bundle& b) {
  std::vector<toml_problem> problems;
  for (const auto& [name, f] : b.files) {
    if (!name.ends_with(".toml") || name.starts_with("policy/") || name == brands_name ||
        name == model_name)
      continue;
    auto file = filters::parse_pattern_file(f.text, f.shown);
    for (auto& p : file.patterns) {
      const auto is_expression = [](const auto& piece) { return piece.is_expression; };
      if (std::none_of(p.pieces.begin(), p.pieces.end(), is_expression) &&
          std::none_of(p.allow.begin(), p.allow.end(), is_expression))
        continue;
      p.requires_.clear();
      filters::pattern_set alone;
      alone.files.push_back({file.name, {p}});
      gather(problems, [&] { filters::pattern_database{std::move(alone)}; });
    }
  }
  return problems;
}

// RULES F4: a Hungarian word has hundreds of forms; who writes one of them alone wants to know.
std::vector<toml_problem> words_without_endings(const filters::pattern_database& d) {
  static const std::regex plain{"^\\\\b[^\\\\(){}\\[\\]|.*+?]+\\\\b$"};
  std::vector<toml_problem> out;
  for (const auto& p : d.patterns()) {
    if (p.language != "hu" || p.weight == 0) continue;
    for (const auto& piece : p.pieces) {
      const bool is_bare = piece.is_expression
                               ? std::regex_match(piece.text, plain)
                               : piece.text.find_first_of(" +~{.-0123456789") == std::string::npos;
      if (is_bare)
        out.push_back({p.file, piece.line, 1,
                       fmt::format("{}: \"{}\" is one form of a word only", p.id, piece.text),
                       fmt::format("\"{}+\" has its usual endings too",
                                   piece.is_expression ? piece.text.substr(2, piece.text.size() - 4)
                                                       : piece.text)});
    }
  }
  return out;
}

}  // namespace

namespace {

void compile(const policy_bundle& b, const filters::database_cache& cache, checked_policy& out) {
  {
    toml_problem_collector collector;
    gather(out.problems, [&] { out.policy = load_policy(b, cache); });
    for (auto& p : collector.take()) out.problems.push_back(std::move(p));
  }
  if (out.policy == nullptr)
    for (auto& p : refused_expressions(b)) out.problems.push_back(std::move(p));
}

}  // namespace

checked_policy check_policy(const policy_bundle& b, const filters::database_cache& cache) {
  checked_policy out;
  out.problems = wrong_notation(b);
  if (out.problems.empty()) compile(b, cache, out);
  if (out.problems.empty())
    for (const auto& s : filters::failed_samples(*out.policy->patterns))
      out.problems.push_back({s.file, s.line, s.column, s.text, {}});
  put_in_order(out.problems);
  if (out.problems.empty())
    out.warnings = words_without_endings(*out.policy->patterns);
  else
    out.policy = nullptr;
  return out;
}

std::string to_line(const toml_problem& p) {
  std::string line = p.file;
  if (p.line > 0) line += fmt::format(":{}", p.line);
  if (p.line > 0 && p.column > 0) line += fmt::format(":{}", p.column);
  if (!line.empty()) line += ": ";
  line += p.text;
  if (!p.hint.empty()) line += " (" + p.hint + ")";
  return line;
}

boost::json::object to_json(const toml_problem& p) {
  boost::json::object o{{"file", p.file}, {"line", p.line}, {"column", p.column}, {"text", p.text}};
  if (!p.hint.empty()) o["hint"] = p.hint;
  return o;
}

}  // namespace consentry::app
