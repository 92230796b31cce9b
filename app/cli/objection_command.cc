// consentry consent object
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

struct objection_options {
  std::string tenant, address, channel = "reply";
};

}  // namespace

void add_objection_command(CLI::App& consent, context& c) {
  auto o = kept<objection_options>();
  auto* act = consent.add_subcommand(
      "object", "record that somebody objected to a mailing: mailings renew no consent any more");
  act->add_option("tenant", o->tenant, "")->required();
  act->add_option("address", o->address, "")->required();
  act->add_option("--channel", o->channel, "how it came: reply, phone, post")
      ->capture_default_str();
  act->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c,
                    daemon_client{c.socket}.post(
                        tenant_path(o->tenant, "objections"),
                        boost::json::object{{"address", o->address}, {"channel", o->channel}}),
                    show_fields);
    };
  });
}

}  // namespace consentry::app::cli
