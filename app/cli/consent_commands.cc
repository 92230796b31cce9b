// consentry consent show|withdraw
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct consent_options {
  std::string tenant, address, topic, method = "desk";
};

}  // namespace

void add_consent_commands(CLI::App& group, context& c) {
  auto o = kept<consent_options>();
  add_import_commands(group, c);

  auto* show = group.add_subcommand("show", "what is known of one address");
  show->add_option("tenant", o->tenant, "")->required();
  show->add_option("address", o->address, "")->required();
  show->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto a = daemon_client{c.socket}.get(
          target(tenant_path(o->tenant, "consents"), {{"address", o->address}}));
      // The daemon answers 404 with what it knows, which is the person's pseudonym only.
      if (!a || a->status != 404 || !a->body.as_object().contains("consents"))
        return finish(c, a, show_fields);
      if (c.json) print_json(a->body);
      return complain("nothing is known of this address", exit_no);
    };
  });

  auto* withdraw = group.add_subcommand("withdraw", "record a withdrawal; takes effect at once");
  withdraw->add_option("tenant", o->tenant, "")->required();
  withdraw->add_option("address", o->address, "")->required();
  withdraw->add_option("--topic", o->topic, "only this one; else all");
  withdraw->add_option("--method", o->method, "how it came: phone, post, desk ...")
      ->capture_default_str();
  withdraw->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"address", o->address}, {"topic", o->topic}, {"method", o->method}};
      return finish(
          c, daemon_client{c.socket}.post(tenant_path(o->tenant, "consents/withdraw"), body),
          [](const json::object& a) {
            fmt::print("withdrawn{}\n", a.at("news").as_bool() ? "" : " (it was already)");
          });
    };
  });
}

}  // namespace consentry::app::cli
