// consentry policy activate | rollback | history | versions | show | diff | explain: the daemon's
// policies.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>

#include "app/cli/daemon_answers.h"
#include "app/cli/offline_folder.h"
#include "app/cli/policy_groups.h"
#include "app/policy_diff.h"
#include "app/policy_lint.h"

namespace consentry::app::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct version_options {
  std::string conf, version, from, to, reason, out;
  unsigned count = 20;
  bool as_text = false;
};

// What lint would say, one line each; the exit code is no.
int show_problems(const answer& a) {
  for (const auto& p : a.body.at("problems").as_array()) {
    const auto& o = p.as_object();
    const auto text = [&](const char* name) {
      const auto* v = o.if_contains(name);
      return v == nullptr ? std::string{} : std::string{v->as_string()};
    };
    const auto number = [&](const char* name) {
      const auto* v = o.if_contains(name);
      return v == nullptr ? 0 : v->to_number<int>();
    };
    complain(to_line({text("file"), number("line"), number("column"), text("text"), text("hint")}),
             0);
  }
  return exit_no;
}

int finish_activation(const context& c, const result<answer>& a) {
  if (a && !c.json && a->code() == "policy_refused") return show_problems(*a);
  return finish(c, a, [](const json::object& o) {
    const auto* previous = o.if_contains("previous");
    fmt::print("{} is in force since {}{}\n", std::string{o.at("version").as_string()},
               std::string{o.at("at").as_string()},
               previous == nullptr
                   ? std::string{}
                   : fmt::format("; before it: {}", std::string{previous->as_string()}));
  });
}

int activate(const context& c, const version_options& o) {
  json::object body{{"reason", o.reason}};
  if (o.version.empty())
    body["files"] = to_json(working_files(conf_folder(o.conf)));
  else
    body["version"] = o.version;
  return finish_activation(c, daemon_client{c.socket}.post("/v1/policy/activate", body));
}

int roll_back(const context& c, const version_options& o) {
  json::object body{{"reason", o.reason}};
  if (!o.version.empty()) body["version"] = o.version;
  return finish_activation(c, daemon_client{c.socket}.post("/v1/policy/rollback", body));
}

// The files below a folder that must not be there yet.
int write_files(const json::object& files, const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error)) return complain(folder.string() + " is there already", exit_usage);
  const auto bundle = bundle_from_json(files);
  for (const auto& [name, f] : bundle.files) {
    const auto file = folder / name;
    fs::create_directories(file.parent_path());
    std::ofstream out{file, std::ios::binary};
    out << f.text;
    if (!out.flush()) return complain(file.string() + " cannot be written", exit_could_not);
  }
  fmt::print("{} files below {}\n", bundle.files.size(), folder.string());
  return exit_done;
}

int show(const context& c, const version_options& o) {
  const auto a = daemon_client{c.socket}.get(o.version.empty() ? std::string{"/v1/policy"}
                                                               : "/v1/policy/versions/" +
                                                                     path_segment(o.version));
  if (!o.out.empty() && a && a->is_ok()) {
    const auto* files = a->body.as_object().if_contains("files");
    if (files == nullptr) return complain("--out needs a version", exit_usage);
    return write_files(files->as_object(), o.out);
  }
  return finish(c, a, [](const json::object& shown) {
    auto head = shown;
    if (const auto* files = shown.if_contains("files")) {
      json::array names;
      for (const auto& f : files->as_object()) names.push_back(json::string{f.key()});
      head["files"] = std::move(names);
    }
    print_fields(head);
  });
}

void print_diff(const json::object& d) {
  fmt::print("{} -> {}\n", std::string{d.at("from").as_string()},
             std::string{d.at("to").as_string()});
  for (const auto& k : d.at("knobs").as_array())
    fmt::print("knob {}: {} -> {}\n", std::string{k.at("knob").as_string()},
               std::string{k.at("from").as_string()}, std::string{k.at("to").as_string()});
  for (const auto& p : d.at("patterns").as_array()) {
    fmt::print("pattern {} {}\n", std::string{p.at("id").as_string()},
               std::string{p.at("fate").as_string()});
    for (const auto& line : p.at("what").as_array())
      fmt::print("  {}\n", std::string{line.as_string()});
  }
  for (const auto& f : d.at("files").as_array())
    fmt::print("file {}\n", std::string{f.as_string()});
}

// A side of a comparison: a version, or else the files of --conf.
int diff(const context& c, const version_options& o) {
  json::object body;
  if (!o.from.empty()) body["from"] = o.from;
  if (!o.to.empty())
    body["to"] = o.to;
  else
    body["to_files"] = to_json(working_files(conf_folder(o.conf)));
  return finish(c, daemon_client{c.socket}.post("/v1/policy/diff", body), print_diff);
}

void add_reading_commands(CLI::App& policy, context& c) {
  auto o = kept<version_options>();
  auto* history =
      policy.add_subcommand("history", "which policy was in force when, by whom and why");
  history->add_option("-n,--count", o->count, "")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  history->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c,
                    daemon_client{c.socket}.get(
                        target("/v1/policy/history", {{"limit", std::to_string(o->count)}})),
                    [](const json::object& a) {
                      print_table(
                          a.at("activations").as_array(),
                          {"number", "at", "version", "previous", "how", "actor", "reason"});
                    });
    };
  });
  auto* versions = policy.add_subcommand("versions", "every policy that the daemon keeps");
  versions->callback([&c] {
    c.chosen = [&c] {
      return finish(c, daemon_client{c.socket}.get("/v1/policy/versions"),
                    [](const json::object& a) {
                      print_table(a.at("versions").as_array(),
                                  {"version", "at", "author", "reason", "previous"});
                    });
    };
  });
  auto* shown = policy.add_subcommand("show", "the policy in force with its knobs, or a version");
  shown->add_option("version", o->version, "p0123456789ab");
  shown->add_option("--out", o->out, "write the version's files below this new folder");
  shown->callback([&c, o] { c.chosen = [&c, o] { return show(c, *o); }; });
  auto* d = policy.add_subcommand(
      "diff",
      "knobs, patterns and files that differ: from the policy in force, or --from, to the "
      "files of --conf, or --to");
  d->add_option("--from", o->from, "a version; default: the one in force");
  d->add_option("--to", o->to, "a version; default: the files of --conf");
  d->add_option("--conf", o->conf, "folder with policy/ and patterns/");
  d->callback([&c, o] { c.chosen = [&c, o] { return diff(c, *o); }; });
}

}  // namespace

void add_policy_version_commands(CLI::App& policy, context& c) {
  add_reading_commands(policy, c);
  auto o = kept<version_options>();
  auto* activate_it = policy.add_subcommand(
      "activate",
      "put the files of --conf, or a version, in force; any fault leaves all as it was");
  activate_it->add_option("version", o->version, "one that the daemon keeps; default: the files");
  activate_it->add_option("--conf", o->conf, "folder with policy/ and patterns/");
  activate_it->add_option("--reason", o->reason, "stands in the history")->required();
  activate_it->callback([&c, o] { c.chosen = [&c, o] { return activate(c, *o); }; });
  auto* back = policy.add_subcommand("rollback", "return to the policy before, or to a version");
  back->add_option("version", o->version, "default: the one before that in force");
  back->add_option("--reason", o->reason, "stands in the history")->required();
  back->callback([&c, o] { c.chosen = [&c, o] { return roll_back(c, *o); }; });
}

}  // namespace consentry::app::cli
