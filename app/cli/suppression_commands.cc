// consentry suppression add|remove|show|list
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {

namespace {

namespace json = boost::json;

struct suppression_options {
  std::string tenant, address, code = "manual", until, source, reason, only, after;
  bool platform = false;
  unsigned limit = 100;
};

// TENANT ADDRESS, or --platform ADDRESS.
std::string list_path(const suppression_options& o) {
  if (o.platform == !o.tenant.empty())
    throw CLI::ValidationError("name a tenant with --tenant, or --platform");
  return o.platform ? "/v1/suppressions" : tenant_path(o.tenant, "suppressions");
}

CLI::App* command(CLI::App* group, const char* name, const char* what,
                  const std::shared_ptr<suppression_options>& o, bool names_person) {
  auto* out = group->add_subcommand(name, what);
  if (names_person) out->add_option("address", o->address, "")->required();
  out->add_option("--tenant", o->tenant, "whose list");
  out->add_flag("--platform", o->platform, "no tenant's mail");
  return out;
}

void add_adding(CLI::App* group, context& c) {
  auto o = kept<suppression_options>();
  auto* add = command(group, "add", "no more mail to an address; takes effect at once", o, true);
  add->add_option("--code", o->code, "manual, hard_bounce, complaint, unsubscribe")
      ->capture_default_str();
  add->add_option("--until", o->until, "the last day, or a time; else for ever");
  add->add_option("--source", o->source, "how it came to be known");
  add->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body{{"address", o->address}, {"code", o->code}, {"source", o->source}};
      if (!o->until.empty()) body["until"] = o->until;
      return finish(
          c, daemon_client{c.socket}.post(list_path(*o), body), [](const json::object& a) {
            fmt::print("suppressed{}\n", a.at("news").as_bool() ? "" : " (it was already)");
          });
    };
  });
}

void add_removing(CLI::App* group, context& c) {
  auto o = kept<suppression_options>();
  auto* remove = command(group, "remove", "let mail through again", o, true);
  remove->add_option("--reason", o->reason, "stands in the journal under your login")->required();
  remove->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto at = list_path(*o) + "/" + path_segment(o->address);
      return finish(c, daemon_client{c.socket}.remove(at, o->reason),
                    [](const json::object&) { fmt::print("removed\n"); });
    };
  });
}

}  // namespace

void add_suppression_commands(CLI::App& app, context& c) {
  auto* group =
      app.add_subcommand("suppression", "addresses that get no more mail")->require_subcommand(1);
  add_adding(group, c);
  add_removing(group, c);

  auto shown = kept<suppression_options>();
  command(group, "show", "whether and why an address gets none", shown, true)
      ->callback([&c, shown] {
        c.chosen = [&c, shown] {
          const auto at = list_path(*shown) + "/" + path_segment(shown->address);
          return finish(c, daemon_client{c.socket}.get(at), show_fields);
        };
      });

  auto o = kept<suppression_options>();
  auto* list = command(group, "list", "all of a tenant, or of the platform", o, false);
  list->add_option("--only", o->only, "with this code");
  list->add_option("--after", o->after, "go on where a page ended");
  list->add_option("-n,--limit", o->limit, "")->capture_default_str()->check(CLI::Range(1, 1000));
  list->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto t =
          target(list_path(*o),
                 {{"only", o->only}, {"after", o->after}, {"limit", std::to_string(o->limit)}});
      return finish(c, daemon_client{c.socket}.get(t), [](const json::object& a) {
        print_table(a.at("suppressions").as_array(),
                    {"person", "address", "code", "source", "at", "expires_at"});
        if (const auto* next = a.if_contains("next"))
          fmt::print("more: --after {}\n", std::string{next->as_string()});
      });
    };
  });
}

}  // namespace consentry::app::cli
