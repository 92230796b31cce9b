// consentry tenant exempt: sector exemptions from the suspicious categories S1 to S7
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct exempt_options {
  std::string tenant, category, exemption, reason, until;
};

}  // namespace

void add_exempt_commands(CLI::App& tenant, context& c) {
  auto* group = tenant
                    .add_subcommand("exempt",
                                    "sectors whose words pass for a tenant: a pharmacy, a licensed "
                                    "lender; S1 to S7, never H1 to H8")
                    ->require_subcommand(1);
  auto o = kept<exempt_options>();

  auto* grant = group->add_subcommand("grant", "do not hold mail of this category");
  grant->add_option("tenant", o->tenant, "")->required();
  grant->add_option("category", o->category, "S1 to S7")->required();
  grant->add_option("--until", o->until, "last day, YYYY-MM-DD, within 24 months")->required();
  grant->add_option("--reason", o->reason, "the licence, and who saw it")->required();
  grant->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{
          {"category", o->category}, {"until", o->until}, {"reason", o->reason}};
      return finish(c, daemon_client{c.socket}.post(tenant_path(o->tenant, "exemptions"), body),
                    show_fields);
    };
  });

  auto* list = group->add_subcommand("list", "what was granted, also what is over");
  list->add_option("tenant", o->tenant, "")->required();
  list->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get(tenant_path(o->tenant, "exemptions")),
                    [](const json::object& a) {
                      print_table(a.at("exemptions").as_array(),
                                  {"exemption", "category", "until", "counts", "approver", "reason",
                                   "ended_at", "end_reason"});
                    });
    };
  });

  auto* end = group->add_subcommand("end", "before its last day");
  end->add_option("tenant", o->tenant, "")->required();
  end->add_option("exemption", o->exemption, "as x3")->required();
  end->add_option("--reason", o->reason, "")->required();
  end->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"reason", o->reason}};
      return finish(c,
                    daemon_client{c.socket}.post(tenant_path(o->tenant, "exemptions") + "/" +
                                                     path_segment(o->exemption) + "/end",
                                                 body),
                    show_fields);
    };
  });
}

}  // namespace consentry::app::cli
