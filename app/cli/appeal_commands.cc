// consentry appeal: what tenants object to, and its 30-day clock (RULES A2 clauses 3 and 13)
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct appeal_options {
  std::string tenant, about, text, campaign, appeal, outcome, answer;
};

void print_appeals(const json::object& a) {
  print_table(a.at("appeals").as_array(), {"tenant", "appeal", "about", "campaign", "state", "due",
                                           "days_left", "opened_by", "closed_by"});
}

}  // namespace

void add_appeal_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("appeal",
                                   "grievances of tenants about blocks, holds and suspensions: "
                                   "negotiated within 30 days")
                    ->require_subcommand(1);
  auto o = kept<appeal_options>();

  auto* open = group->add_subcommand("open", "records one; its 30 days begin today");
  open->add_option("tenant", o->tenant, "")->required();
  open->add_option("--about", o->about, "block, hold, suspension, refusal or other")->required();
  open->add_option("--text", o->text, "the tenant's words")->required();
  open->add_option("--campaign", o->campaign, "of a hold");
  open->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body{{"about", o->about}, {"text", o->text}};
      if (!o->campaign.empty()) body["campaign"] = o->campaign;
      return finish(c, daemon_client{c.socket}.post(tenant_path(o->tenant, "appeals"), body),
                    show_fields);
    };
  });

  auto* list = group->add_subcommand(
      "list", "those of a tenant; without one, the open ones of all, the first due first");
  list->add_option("tenant", o->tenant, "");
  list->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto path =
          o->tenant.empty() ? std::string{"/v1/appeals"} : tenant_path(o->tenant, "appeals");
      return finish(c, daemon_client{c.socket}.get(path), print_appeals);
    };
  });

  auto* close = group->add_subcommand("close", "with what was decided; the tenant is told");
  close->add_option("tenant", o->tenant, "")->required();
  close->add_option("appeal", o->appeal, "as a3")->required();
  close->add_option("--outcome", o->outcome, "granted, rejected, settled or withdrawn")->required();
  close->add_option("--answer", o->answer, "the reasons, as the tenant reads them")->required();
  close->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"outcome", o->outcome}, {"answer", o->answer}};
      return finish(
          c,
          daemon_client{c.socket}.post(
              tenant_path(o->tenant, "appeals") + "/" + path_segment(o->appeal) + "/close", body),
          show_fields);
    };
  });
}

}  // namespace consentry::app::cli
