// consentry policy what-if | shadow: a candidate policy on stored decisions and beside live mail.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <thread>

#include "app/cli/daemon_answers.h"
#include "app/cli/offline_folder.h"
#include "app/cli/policy_groups.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds first_look{50}, later_looks{500};

struct trial_options {
  std::string conf, version, tenant, until;
  unsigned days = 90, examples = 50;
  std::uint64_t limit = 1'000'000;
  bool cancel = false;
};

std::string text_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  if (v == nullptr) return {};
  return v->is_string() ? std::string{v->as_string()} : json::serialize(*v);
}

std::uint64_t count_of(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v == nullptr ? 0 : v->to_number<std::uint64_t>();
}

// "send->hold 3, hold->send 1"
std::string changes_in(const json::object& o) {
  std::string out;
  for (const auto& c : o.at("changes").as_object())
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", std::string{c.key()},
                       json::serialize(c.value()));
  return out;
}

// "send", "hold content.s3 (S3)"
std::string verdict_in(const json::object& o, const std::string& side) {
  const auto rule = text_of(o, side + "_rule");
  const auto decision = text_of(o, side);
  return rule.empty() ? decision
                      : fmt::format("{} {} ({})", decision, text_of(o, side + "_reason"), rule);
}

void print_rows(const json::object& r) {
  const auto rows = [&r](std::string_view name) { return r.at(name).as_array(); };
  for (const auto& row : rows("by_tenant"))
    if (count_of(row.as_object(), "changed") != 0)
      fmt::print("tenant {}: {} of {}: {}\n", text_of(row.as_object(), "tenant"),
                 count_of(row.as_object(), "changed"), count_of(row.as_object(), "judged"),
                 changes_in(row.as_object()));
  for (const auto& row : rows("by_rule"))
    fmt::print("rule {} -> {}: {}\n", verdict_in(row.as_object(), "from"),
               verdict_in(row.as_object(), "to"), count_of(row.as_object(), "count"));
  for (const auto& row : rows("by_campaign"))
    fmt::print("campaign {} of {}: {}\n", text_of(row.as_object(), "campaign"),
               text_of(row.as_object(), "tenant"), changes_in(row.as_object()));
  if (rows("examples").empty()) return;
  fmt::print("for example (consentry why tells more):\n");
  for (const auto& row : rows("examples")) {
    const auto& o = row.as_object();
    const auto recipient = text_of(o, "recipient");
    fmt::print("  {}{} {} {}: {} -> {}\n", text_of(o, "message"),
               recipient.empty() ? "" : " " + recipient, text_of(o, "tenant"),
               text_of(o, "campaign"), verdict_in(o, "from"), verdict_in(o, "to"));
  }
}

void print_counts(const json::object& r) {
  const auto changes = changes_in(r);
  fmt::print("policy {}: {} decisions judged, {} would be another{}, {} for another reason\n",
             text_of(r, "version"), count_of(r, "judged"), count_of(r, "changed"),
             changes.empty() ? "" : " (" + changes + ")", count_of(r, "other_reason"));
}

void print_what_if(const json::object& r) {
  if (text_of(r, "state") == "none") {
    fmt::print("nothing was replayed since the gateway started\n");
    return;
  }
  print_counts(r);
  if (const auto n = count_of(r, "not_judged_anew"); n != 0)
    fmt::print(
        "{} of them could not be judged anew by new or changed patterns: their text was not kept "
        "(evidence.keep), or has attachments\n",
        n);
  if (const auto n = count_of(r, "without_verdict"); n != 0)
    fmt::print("{} more have no verdict any more\n", n);
  for (const auto& k : r.at("knobs_not_replayed").as_array())
    fmt::print("{} is another, too; single decisions do not show what it would do\n",
               std::string{k.as_string()});
  print_rows(r);
  if (text_of(r, "state") != "done")
    fmt::print("{}: {}\n", text_of(r, "state"), text_of(r, "why_not"));
}

void print_shadow(const json::object& r) {
  if (r.if_contains("version") == nullptr) {
    fmt::print("no policy is in the shadow\n");
    return;
  }
  print_counts(r);
  fmt::print("{} since {}, {} waiting, {} dropped, {} failed\n",
             r.at("on").as_bool() ? "judging" : "stopped; judged", text_of(r, "started_at"),
             count_of(r, "waiting"), count_of(r, "dropped"), count_of(r, "failed"));
  print_rows(r);
}

json::object candidate_of(const trial_options& o) {
  if (!o.version.empty()) return {{"version", o.version}};
  return {{"files", to_json(working_files(conf_folder(o.conf)))}};
}

void show_progress(const json::object& r) {
  if (::isatty(STDERR_FILENO) != 0)
    fmt::print(stderr, "\r{} decisions judged", count_of(r, "judged"));
}

int what_if(const context& c, const trial_options& o) {
  const daemon_client daemon{c.socket};
  const std::string place = "/v1/policy/what-if";
  if (o.cancel) return finish(c, daemon.remove(place), print_what_if);
  auto body = candidate_of(o);
  body["days"] = o.days;
  body["limit"] = o.limit;
  body["examples"] = o.examples;
  if (!o.tenant.empty()) body["tenant"] = o.tenant;
  if (!o.until.empty()) body["until"] = o.until;
  auto answered = daemon.post(place, body);
  for (auto wait = first_look;
       answered && answered->is_ok() && text_of(answered->body.as_object(), "state") == "running";
       wait = std::min(wait * 2, later_looks)) {
    show_progress(answered->body.as_object());
    std::this_thread::sleep_for(wait);
    answered = daemon.get(place);
  }
  if (::isatty(STDERR_FILENO) != 0) fmt::print(stderr, "\r\033[K");
  const auto code = finish(c, answered, print_what_if);
  const bool is_done =
      answered && answered->is_ok() && text_of(answered->body.as_object(), "state") == "done";
  return code == exit_done && !is_done ? exit_could_not : code;
}

void add_shadow_commands(CLI::App& policy, context& c) {
  auto* shadow = policy.add_subcommand(
      "shadow", "a policy that judges beside the one in force; its verdicts change nothing");
  shadow->require_subcommand(1);
  auto o = kept<trial_options>();
  auto* start = shadow->add_subcommand("start", "the files of --conf, or a version");
  start->add_option("version", o->version, "one that the daemon keeps; default: the files");
  start->add_option("--conf", o->conf, "folder with policy/ and patterns/");
  const std::string place = "/v1/policy/shadow";
  start->callback([&c, o, place] {
    c.chosen = [&c, o, place] {
      return finish(c, daemon_client{c.socket}.post(place, candidate_of(*o)), print_shadow);
    };
  });
  auto* show = shadow->add_subcommand("show", "what would have been decided otherwise so far");
  show->callback([&c, place] {
    c.chosen = [&c, place] { return finish(c, daemon_client{c.socket}.get(place), print_shadow); };
  });
  auto* stop = shadow->add_subcommand("stop", "ends it and shows what it found");
  stop->callback([&c, place] {
    c.chosen = [&c, place] {
      return finish(c, daemon_client{c.socket}.remove(place), print_shadow);
    };
  });
}

}  // namespace

void add_policy_trial_commands(CLI::App& policy, context& c) {
  auto o = kept<trial_options>();
  auto* replay = policy.add_subcommand(
      "what-if",
      "judge stored decisions anew by the files of --conf, or a version, and show what would be "
      "another; sends nothing");
  replay->add_option("version", o->version, "one that the daemon keeps; default: the files");
  replay->add_option("--conf", o->conf, "folder with policy/ and patterns/");
  replay->add_option("--days", o->days, "how far back")
      ->capture_default_str()
      ->check(CLI::Range(1, 90));
  replay->add_option("--until", o->until, "older than this day or time only");
  replay->add_option("--tenant", o->tenant, "of one tenant only");
  replay->add_option("--limit", o->limit, "the newest so many decisions")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}));
  replay->add_option("--examples", o->examples, "")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  replay->add_flag("--cancel", o->cancel, "end the replay under way");
  replay->callback([&c, o] { c.chosen = [&c, o] { return what_if(c, *o); }; });
  add_shadow_commands(policy, c);
}

}  // namespace consentry::app::cli
