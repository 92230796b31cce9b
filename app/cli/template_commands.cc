// consentry template: contents that may go to more people than mail to single persons does
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct template_options {
  std::string tenant, fingerprint, reason, expires;
};

}  // namespace

void add_template_commands(CLI::App& app, context& c) {
  auto* group =
      app.add_subcommand("template",
                         "transactional contents that may go to many; `consentry scan` and the "
                         "journal show a content's fingerprint")
          ->require_subcommand(1);
  auto o = kept<template_options>();

  auto* approve = group->add_subcommand("approve", "do not count this content as bulk mail");
  approve->add_option("tenant", o->tenant, "")->required();
  approve->add_option("fingerprint", o->fingerprint, "32 hexadecimal digits")->required();
  approve->add_option("--reason", o->reason, "")->required();
  approve->add_option("--until", o->expires, "day or time, within a year")->required();
  approve->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{
          {"fingerprint", o->fingerprint}, {"reason", o->reason}, {"expires", o->expires}};
      return finish(c, daemon_client{c.socket}.post(tenant_path(o->tenant, "templates"), body),
                    show_fields);
    };
  });

  auto* list = group->add_subcommand("list", "what is approved for a tenant");
  list->add_option("tenant", o->tenant, "")->required();
  list->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get(tenant_path(o->tenant, "templates")),
                    [](const json::object& a) {
                      print_table(a.at("templates").as_array(),
                                  {"fingerprint", "expires_at", "approver", "reason"});
                    });
    };
  });

  auto* revoke = group->add_subcommand("revoke", "count it again");
  revoke->add_option("tenant", o->tenant, "")->required();
  revoke->add_option("fingerprint", o->fingerprint, "")->required();
  revoke->add_option("--reason", o->reason, "")->required();
  revoke->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"reason", o->reason}};
      return finish(c,
                    daemon_client{c.socket}.post(tenant_path(o->tenant, "templates") + "/" +
                                                     path_segment(o->fingerprint) + "/revoke",
                                                 body),
                    show_fields);
    };
  });
}

}  // namespace consentry::app::cli
