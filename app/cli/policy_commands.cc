// policy lint | test: the files of an admin before they judge anybody.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>

#include "app/cli/commands.h"
#include "app/cli/offline_folder.h"
#include "app/cli/policy_groups.h"
#include "app/cli/printing.h"
#include "app/policy_lint.h"
#include "app/policy_samples.h"

namespace consentry::app::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct policy_options {
  std::string conf;
  std::string samples;
  bool verbose = false;
  bool desk = false;
  double min_recall = 0;
  double max_false_alarms = 100;
};

json::array to_array(const std::vector<toml_problem>& problems) {
  json::array out;
  for (const auto& p : problems) out.push_back(to_json(p));
  return out;
}

int run_lint(const context& c, const policy_options& o) {
  const auto conf = conf_folder(o.conf);
  const auto found = check_policy(working_files(conf));
  if (c.json) {
    print_json(json::object{{"folder", conf.string()},
                            {"problems", to_array(found.problems)},
                            {"warnings", to_array(found.warnings)}});
  } else {
    for (const auto& p : found.problems) fmt::print("{}\n", to_line(p));
    if (o.verbose)
      for (const auto& p : found.warnings) fmt::print("warning: {}\n", to_line(p));
    if (found.problems.empty())
      fmt::print("{}: nothing to complain of; {} warnings{}\n", conf.string(),
                 found.warnings.size(),
                 found.warnings.empty() || o.verbose ? "" : ", shown with --warnings");
  }
  return found.problems.empty() ? exit_done : exit_no;
}

// "12 of 13", right of the label.
std::string count_of(const sample_tally& t) {
  return t.all == 0 ? "" : fmt::format("{} of {}", t.stopped, t.all);
}

void show(const std::string& name, const sample_figures& f, bool verbose) {
  fmt::print("{}\n  {:<7}{:>11}{:>11}{:>9}{:>11}\n", name, "label", "hu", "en", "recall",
             "precision");
  for (const auto& [label, languages] : f.by_label) {
    if (label == "clean") continue;
    const auto of = [&](const char* language) {
      const auto at = languages.find(language);
      return at == languages.end() ? std::string{} : count_of(at->second);
    };
    const auto by = f.stopped_by.find(label);
    const auto precision =
        by == f.stopped_by.end()
            ? std::string{"-"}
            : fmt::format("{:.1f} %", 100.0 * static_cast<double>(by->second.second) /
                                          static_cast<double>(by->second.first));
    fmt::print("  {:<7}{:>11}{:>11}{:>7.1f} %{:>11}{}\n", label, of("hu"), of("en"),
               100 * f.recall(label), precision, is_judged_by_words(label) ? "" : "  (indicator)");
  }
  std::size_t clean = 0;
  if (const auto at = f.by_label.find("clean"); at != f.by_label.end())
    for (const auto& [language, t] : at->second) clean += t.all;
  fmt::print("  false alarms: {} of {} clean ones ({:.1f} %)\n", f.alarms.size(), clean,
             100 * f.false_alarms());
  if (!verbose) return;
  for (const auto& m : f.misses) fmt::print("  missed {} ({})\n", m.id, m.label);
  for (const auto& m : f.alarms) fmt::print("  false alarm {}: {}\n", m.id, m.reason);
}

bool is_good(const sample_figures& f, const policy_options& o) {
  const bool finds = std::all_of(f.by_label.begin(), f.by_label.end(), [&](const auto& l) {
    return !is_judged_by_words(l.first) || 100 * f.recall(l.first) >= o.min_recall;
  });
  return finds && 100 * f.false_alarms() <= o.max_false_alarms;
}

int run_test(const context& c, const policy_options& o) {
  const auto conf = conf_folder(o.conf);
  const fs::path samples = o.samples.empty() ? conf / "samples" : fs::path{o.samples};
  const auto policy = load_policy(working_files(conf));
  json::object told{{"policy_version", policy->set->version}};
  bool good = true;
  for (const char* set : {"tuning", "held-out"}) {
    const auto f = measure(*policy, load_samples(samples / set));
    good = good && is_good(f, o);
    if (c.json)
      told[set] = to_json(f);
    else
      show(set, f, o.verbose && std::string_view{set} == "tuning");
  }
  if (o.desk) {
    // Few, and of the hard cases: told, and outside the bar.
    const auto f = measure(*policy, samples_of_desk(c));
    if (c.json)
      told["desk"] = to_json(f);
    else
      show("desk", f, o.verbose);
  }
  if (c.json) print_json(told);
  return good ? exit_done : exit_no;
}

}  // namespace

void add_policy_commands(CLI::App& app, context& c) {
  auto* policy = app.add_subcommand("policy", "policy and pattern files");
  policy->require_subcommand(1);
  add_policy_version_commands(*policy, c);
  add_desk_sample_commands(*policy, c);
  add_policy_trial_commands(*policy, c);
  add_why_command(*policy, c, "explain");
  auto o = std::make_shared<policy_options>();
  auto* lint = policy->add_subcommand("lint", "check policy and pattern files, with their samples");
  lint->add_option("--conf", o->conf, "folder with policy/ and patterns/");
  lint->add_flag("--warnings", o->verbose, "tell of Hungarian words without endings too");
  lint->callback([&c, o] { c.chosen = [&c, o] { return run_lint(c, *o); }; });
  auto* test = policy->add_subcommand(
      "test",
      "recall, precision and false alarms over labelled messages; found is held or refused");
  test->add_option("--conf", o->conf, "folder with policy/ and patterns/");
  test->add_option("--samples", o->samples,
                   "folder with tuning/ and held-out/ (default: of --conf)");
  test->add_flag("--verbose", o->verbose, "name what was missed of tuning/; held-out/ is not told");
  test->add_flag("--desk", o->desk, "over the daemon's samples of what the desk decided, too");
  test->add_option("--min-recall", o->min_recall,
                   "percent, of each label; below it the exit code is 1");
  test->add_option("--max-false-alarms", o->max_false_alarms,
                   "percent; above it the exit code is 1");
  test->callback([&c, o] { c.chosen = [&c, o] { return run_test(c, *o); }; });
}

}  // namespace consentry::app::cli
