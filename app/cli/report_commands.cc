// consentry reports list|show|days, confirm-complaint, reject-complaint, token-key: the desk's
// queue of complaints (RULES E4), and the keys of what names mail.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct report_options {
  std::string report, state = "open", tenant, before, limit, reason, days;
  std::string recipient, address, campaign, channel;
  bool with_mail = false;
};

void show_list(const json::object& a) {
  print_table(a.at("reports").as_array(),
              {"report", "state", "at", "type", "channel", "tenant", "campaign", "why"});
  if (const auto* next = a.if_contains("next"))
    fmt::print("more: --before {}\n", json::serialize(*next));
}

void show_report(json::object a, bool with_mail) {
  std::string mail;
  if (const auto* m = a.if_contains("mail"))
    mail = parse_base64(std::string{m->as_string()}).value_or("");
  a.erase("mail");
  print_fields(a);
  // A stranger's text: nothing in it may steer the terminal.
  if (with_mail)
    for (const auto line : split(mail, '\n')) fmt::print("{}\n", printable(trim(line), 1000));
}

void add_reading(CLI::App& reports, context& c) {
  auto o = kept<report_options>();
  auto* list = reports.add_subcommand("list", "newest first");
  list->add_option("--state", o->state, "open, counted, noted, confirmed, rejected or all")
      ->capture_default_str();
  list->add_option("--tenant", o->tenant, "");
  list->add_option("--before", o->before, "go on below that number");
  list->add_option("--limit", o->limit, "");
  list->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto t = target("/v1/reports", {{"state", o->state == "all" ? "" : o->state},
                                            {"tenant", o->tenant},
                                            {"before", o->before},
                                            {"limit", o->limit}});
      return finish(c, daemon_client{c.socket}.get(t), show_list);
    };
  });
  auto* show = reports.add_subcommand("show", "one report; who looks says why");
  show->add_option("report", o->report, "its number")->required();
  show->add_option("--reason", o->reason, "stands in the tenant's audit")->required();
  show->add_flag("--mail", o->with_mail, "the mail as it came, too");
  show->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto t = target("/v1/reports/" + path_segment(o->report),
                            {{"reason", o->reason}, {"mail", o->with_mail ? "true" : ""}});
      return finish(c, daemon_client{c.socket}.get(t),
                    [o](const json::object& a) { show_report(a, o->with_mail); });
    };
  });
  auto* days =
      reports.add_subcommand("days", "reports by day, and how many led to no mail of ours");
  days->add_option("--days", o->days, "");
  days->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get(target("/v1/report-days", {{"days", o->days}})),
                    [](const json::object& a) {
                      print_table(a.at("days").as_array(),
                                  {"day", "reports", "unattributed", "counted",
                                   "unattributed_percent", "alarm"});
                    });
    };
  });
}

void add_mail_options(CLI::App& act, report_options& o) {
  act.add_option("--recipient", o.recipient, "the mail it is about, by its recipient's number");
  act.add_option("--tenant", o.tenant, "or by whose mail it was,");
  act.add_option("--address", o.address, "to whom: the newest bulk mail");
  act.add_option("--campaign", o.campaign, "of that campaign");
}

json::object meant(const report_options& o) {
  json::object body{{"reason", o.reason}};
  for (const auto& [name, value] :
       {std::pair<const char*, const std::string&>{"recipient", o.recipient},
        {"tenant", o.tenant},
        {"address", o.address},
        {"campaign", o.campaign}})
    if (!value.empty()) body[name] = value;
  return body;
}

void add_deciding(CLI::App& app, context& c) {
  auto o = kept<report_options>();
  auto* confirm = app.add_subcommand(
      "confirm-complaint", "count a report, or what came by phone or post, under your login");
  confirm->add_option("report", o->report, "its number; none: it did not come by mail");
  confirm->add_option("--channel", o->channel, "without a report: phone, post, authority, ...");
  add_mail_options(*confirm, *o);
  confirm->add_option("--reason", o->reason, "stands in the journal")->required();
  confirm->callback([&c, o] {
    c.chosen = [&c, o] {
      auto body = meant(*o);
      if (!o->report.empty())
        return finish(c,
                      daemon_client{c.socket}.post(
                          "/v1/reports/" + path_segment(o->report) + "/confirm", body),
                      show_fields);
      body["channel"] = o->channel;
      return finish(c, daemon_client{c.socket}.post("/v1/complaints", body), show_fields);
    };
  });
  auto* reject = app.add_subcommand("reject-complaint", "a report that is none");
  reject->add_option("report", o->report, "its number")->required();
  reject->add_option("--reason", o->reason, "stands in the journal")->required();
  reject->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(
          c,
          daemon_client{c.socket}.post("/v1/reports/" + path_segment(o->report) + "/reject",
                                       json::object{{"reason", o->reason}}),
          show_fields);
    };
  });
}

void show_keys(const json::object& a) {
  print_table(a.at("keys").as_array(),
              {"number", "made_at", "makes_tokens", "superseded_at", "needed_until"});
}

void add_token_keys(CLI::App& app, context& c) {
  auto o = kept<report_options>();
  auto* keys =
      app.add_subcommand("token-key", "keys of the ids in Message-ID, return path and links")
          ->require_subcommand(1);
  keys->add_subcommand("list", "the newest makes tokens, the older ones still read")
      ->callback([&c] {
        c.chosen = [&c] {
          return finish(c, daemon_client{c.socket}.get("/v1/token-keys"), show_keys);
        };
      });
  auto* rotate = keys->add_subcommand("rotate", "make the next key");
  rotate->add_option("--reason", o->reason, "stands in the journal")->required();
  rotate->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c,
                    daemon_client{c.socket}.post("/v1/token-keys/rotate",
                                                 json::object{{"reason", o->reason}}),
                    show_keys);
    };
  });
  auto* remove = keys->add_subcommand("remove", "of one that no report can name any more");
  remove->add_option("number", o->report, "")->required();
  remove->add_option("--reason", o->reason, "stands in the journal")->required();
  remove->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(
          c,
          daemon_client{c.socket}.post("/v1/token-keys/" + path_segment(o->report) + "/remove",
                                       json::object{{"reason", o->reason}}),
          show_keys);
    };
  });
}

}  // namespace

void add_report_commands(CLI::App& app, context& c) {
  auto* reports = app.add_subcommand("reports", "complaints, and what was written to abuse@")
                      ->require_subcommand(1);
  add_reading(*reports, c);
  add_deciding(app, c);
  add_token_keys(app, c);
}

}  // namespace consentry::app::cli
