// consentry standing, block, unblock, why, journal, stats
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct standing_options {
  std::string name, reason;
};

void add_standing_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("standing", "complaint ratio and block of a tenant")
                    ->require_subcommand(1);
  auto o = kept<standing_options>();
  auto* show = group->add_subcommand("show", "the figures and what they mean");
  show->add_option("tenant", o->name, "")->required();
  show->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get(tenant_path(o->name, "standing")), show_fields);
    };
  });
  for (const char* what : {"block", "unblock"}) {
    auto* act = app.add_subcommand(what, std::string{what} + " a tenant's bulk stream");
    act->add_option("tenant", o->name, "")->required();
    act->add_option("--reason", o->reason, "stands in the journal under your login")->required();
    act->callback([&c, o, what = std::string{what}] {
      c.chosen = [&c, o, what] {
        return finish(c,
                      daemon_client{c.socket}.post(tenant_path(o->name, what),
                                                   json::object{{"reason", o->reason}}),
                      show_fields);
      };
    });
  }
}

struct why_options {
  std::string message, recipient;
};

}  // namespace

void add_why_command(CLI::App& app, context& c, const std::string& name) {
  auto o = kept<why_options>();
  auto* why =
      app.add_subcommand(name, "why a message or a recipient was taken, refused, held or bounced");
  why->add_option("message", o->message, "m0000012, as the SMTP reply named it")->required();
  why->add_option("recipient", o->recipient, "only this address");
  why->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto t = target("/v1/why/" + path_segment(o->message), {{"recipient", o->recipient}});
      return finish(c, daemon_client{c.socket}.get(t), [](const json::object& a) {
        auto head = a;
        head.erase("events");
        print_fields(head);
        fmt::print("history\n");
        for (const auto& e : a.at("events").as_array()) print_event(e.as_object());
      });
    };
  });
}

namespace {

struct journal_options {
  std::string tenant, kind;
  std::uint64_t from = 0;
  unsigned count = 20;
  bool follow = false;
};

int tail_journal(const context& c, const journal_options& o) {
  auto from = o.from;
  for (;;) {
    const auto a = daemon_client{c.socket}.get(
        target("/v1/journal", {{"tenant", o.tenant},
                               {"kind", o.kind},
                               {"from", from == 0 ? "" : std::to_string(from)},
                               {"limit", std::to_string(o.count)}}));
    if (!a || !a->is_ok()) return finish(c, a, show_fields);
    for (const auto& e : a->body.at("entries").as_array()) {
      if (c.json)
        fmt::print("{}\n", json::serialize(e));
      else
        print_event(e.as_object());
    }
    std::fflush(stdout);
    if (!o.follow) return exit_done;
    const auto next = a->body.at("next").to_number<std::uint64_t>();
    if (next == from || a->body.at("entries").as_array().empty())
      std::this_thread::sleep_for(std::chrono::milliseconds{300});
    from = next;
  }
}

void add_journal_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("journal", "the history that cannot be changed unseen")
                    ->require_subcommand(1);
  auto o = kept<journal_options>();
  auto* tail =
      group->add_subcommand("tail", "the newest entries; one JSON object a line with --json");
  tail->add_option("-n,--count", o->count, "")->capture_default_str()->check(CLI::Range(1, 1000));
  tail->add_option("--from", o->from, "start at this number instead");
  tail->add_option("--tenant", o->tenant, "");
  tail->add_option("--kind", o->kind, "accepted, refused, delivered ...");
  tail->add_flag("-f,--follow", o->follow, "go on as they come");
  tail->callback([&c, o] { c.chosen = [&c, o] { return tail_journal(c, *o); }; });

  add_journal_export(*group, c);
  group->add_subcommand("verify", "recompute the hash chain")->callback([&c] {
    c.chosen = [&c] {
      const auto a = daemon_client{c.socket}.get("/v1/journal/verify");
      const int code = finish(c, a, [](const json::object& r) {
        if (r.at("whole").as_bool())
          fmt::print("whole: {} entries, head {}\n", r.at("checked").to_number<std::uint64_t>(),
                     std::string{r.at("head").as_string()});
        else
          fmt::print("BROKEN at entry {}: {}\n", r.at("broken").to_number<std::uint64_t>(),
                     std::string{r.at("what").as_string()});
      });
      return code == exit_done && !a->body.at("whole").as_bool() ? exit_no : code;
    };
  });
}

}  // namespace

void add_daemon_commands(CLI::App& app, context& c) {
  add_tenant_commands(app, c);
  add_domain_commands(app, c);
  add_credential_commands(app, c);
  add_template_commands(app, c);
  auto* consent = app.add_subcommand("consent", "consents of recipients")->require_subcommand(1);
  add_consent_commands(*consent, c);
  add_objection_command(*consent, c);
  add_form_commands(app, c);
  add_person_commands(app, c);
  add_evidence_commands(app, c);
  add_queue_commands(app, c);
  add_trace_command(app, c);
  add_campaign_commands(app, c);
  add_suppression_commands(app, c);
  add_webhook_commands(app, c);
  add_report_commands(app, c);
  add_user_commands(app, c);
  add_token_commands(app, c);
  add_standing_commands(app, c);
  add_appeal_commands(app, c);
  add_why_command(app, c, "why");
  add_journal_commands(app, c);
  add_store_commands(app, c);
  add_watch_commands(app, c);
  app.add_subcommand("stats", "counters of the daemon")->callback([&c] {
    c.chosen = [&c] { return finish(c, daemon_client{c.socket}.get("/v1/stats"), show_fields); };
  });
}

}  // namespace consentry::app::cli
