// consentry campaign list|show|hold|release
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct campaign_options {
  std::string tenant, campaign, reason, after;
  unsigned limit = 100;
};

void show_campaigns(const json::object& a) {
  print_table(a.at("campaigns").as_array(),
              {"campaign", "held", "asked", "unproven", "ended", "dead", "releases", "first_at"});
  if (const auto* next = a.if_contains("next"))
    fmt::print("more: --after {}\n", std::string{next->as_string()});
}

}  // namespace

void add_campaign_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("campaign", "what was counted of campaigns, and holding them")
                    ->require_subcommand(1);
  auto o = kept<campaign_options>();
  auto* list = group->add_subcommand("list", "a tenant's campaigns");
  list->add_option("tenant", o->tenant, "")->required();
  list->add_option("--limit", o->limit, "")->capture_default_str();
  list->add_option("--after", o->after, "where the page before ended");
  list->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto t = target(tenant_path(o->tenant, "campaigns"),
                            {{"after", o->after}, {"limit", std::to_string(o->limit)}});
      return finish(c, daemon_client{c.socket}.get(t), show_campaigns);
    };
  });
  const auto path = [o](const std::string& act) {
    return tenant_path(o->tenant, "campaigns") + "/" + path_segment(o->campaign) + act;
  };
  auto* show = group->add_subcommand("show", "one campaign: its counts and its hold");
  show->add_option("tenant", o->tenant, "")->required();
  show->add_option("campaign", o->campaign, "")->required();
  show->callback([&c, path] {
    c.chosen = [&c, path] { return finish(c, daemon_client{c.socket}.get(path("")), show_fields); };
  });
  for (const char* what : {"hold", "release"}) {
    auto* act =
        group->add_subcommand(what, std::string{what} + " a campaign: new mail and what is queued");
    act->add_option("tenant", o->tenant, "")->required();
    act->add_option("campaign", o->campaign, "")->required();
    act->add_option("--reason", o->reason, "stands in the journal under your login")->required();
    act->callback([&c, o, path, what = std::string{what}] {
      c.chosen = [&c, o, path, what] {
        return finish(
            c, daemon_client{c.socket}.post(path("/" + what), json::object{{"reason", o->reason}}),
            show_fields);
      };
    });
  }
}

}  // namespace consentry::app::cli
