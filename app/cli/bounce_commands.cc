#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/commands.h"
#include "app/cli/dkim_commands.h"
#include "app/cli/printing.h"
#include "base/text.h"
#include "reputation/bounce_report.h"
#include "smtp/bounce_rules.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t message_bytes_max = 64u << 20;

struct bounce_options {
  std::vector<std::string> files;
  std::string rules;  // empty: as shipped
  std::string reply;
  std::string host;
};

std::shared_ptr<const smtp::bounce_rules> rules_of(const std::string& file) {
  return file.empty() ? smtp::bounce_rules::shipped() : smtp::bounce_rules::load(file);
}

json::object shown(const reputation::bounced_recipient& r, const smtp::bounce_rules& rules) {
  const auto verdict = reputation::classify(r, rules);
  return {{"address", to_valid_utf8(r.address)},
          {"class", smtp::is_hard(verdict.what) ? "hard" : "soft"},
          {"status", smtp::to_string(r.said.enhanced)},
          {"reply_code", r.said.code == 0 ? std::string{} : std::to_string(r.said.code)},
          {"reason", smtp::to_string(verdict.what)},
          {"rule", verdict.rule},
          {"delayed", r.is_delayed},
          {"host", to_valid_utf8(r.remote_host)},
          {"text", to_valid_utf8(r.said.text.substr(0, 1000))}};
}

int run_classify(const context& c, const bounce_options& o) {
  const auto rules = rules_of(o.rules);
  for (const auto& file : o.files) {
    const auto parsed = reputation::parse_bounce(read_input(file, message_bytes_max));
    json::array recipients;
    for (const auto& r : parsed.recipients) recipients.push_back(shown(r, *rules));
    json::object all{{"recipients", recipients}};
    if (o.files.size() > 1) all["file"] = to_valid_utf8(file);
    if (c.json && o.files.size() > 1)
      fmt::print("{}\n", json::serialize(all));
    else if (c.json)
      print_json(all);
    else if (recipients.empty())
      fmt::print("no bounce\n");
    else
      print_table(recipients, {"address", "class", "status", "reply_code", "reason", "rule"});
  }
  return exit_done;
}

int run_explain(const context& c, const bounce_options& o) {
  const auto verdict = rules_of(o.rules)->classify(smtp::reply_of_line(o.reply), o.host);
  const json::object shown{{"reason", smtp::to_string(verdict.what)},
                           {"about", smtp::subject_of(verdict.what)},
                           {"hard", smtp::is_hard(verdict.what)},
                           {"rule", verdict.rule},
                           {"retry", verdict.retry}};
  if (c.json)
    print_json(shown);
  else
    print_fields(shown);
  return exit_done;
}

int run_lint(const context& c, const bounce_options& o) {
  const auto rules = rules_of(o.files.empty() ? std::string{} : o.files.front());
  const auto wrong = rules->wrong_samples();
  json::array problems;
  for (const auto& w : wrong) problems.emplace_back(to_valid_utf8(w));
  if (c.json)
    print_json(json::object{{"rules", rules->size()}, {"problems", problems}});
  else if (wrong.empty())
    fmt::print("{} rules, all samples as they should be\n", rules->size());
  for (const auto& w : wrong) std::fprintf(stderr, "consentry: %s\n", w.c_str());
  return wrong.empty() ? exit_done : exit_no;
}

}  // namespace

void add_bounce_commands(CLI::App& app, context& c) {
  auto o = std::make_shared<bounce_options>();
  auto* bounce = app.add_subcommand("bounce", "mail that came back")->require_subcommand(1);
  auto* classify =
      bounce->add_subcommand("classify", "read a bounce mail: who was not reached, and why");
  classify->add_option("file", o->files, "message, - for standard input; several: a line each")
      ->required();
  classify->add_option("--rules", o->rules, "bounces.toml; default: as shipped");
  classify->callback([&c, o] { c.chosen = [&c, o] { return run_classify(c, *o); }; });

  auto* explain =
      bounce->add_subcommand("explain", "what a server's reply means, and by which rule");
  explain->add_option("reply", o->reply, "\"550 5.1.1 no such user\"")->required();
  explain->add_option("--host", o->host, "the server's name");
  explain->add_option("--rules", o->rules, "bounces.toml; default: as shipped");
  explain->callback([&c, o] { c.chosen = [&c, o] { return run_explain(c, *o); }; });

  auto* lint = bounce->add_subcommand("lint", "check bounces.toml and its samples");
  lint->add_option("file", o->files, "default: as shipped")->expected(0, 1);
  lint->callback([&c, o] { c.chosen = [&c, o] { return run_lint(c, *o); }; });
}

}  // namespace consentry::app::cli
