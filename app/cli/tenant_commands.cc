// consentry tenant, domain, credential
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct tenant_options {
  std::string name, legal_name, contact, postal_address, state = "active", reason;
};

struct domain_options {
  std::string tenant, domain, selector;
};

struct credential_options {
  std::string tenant, user, stream = "bulk", campaign, topic, password_file;
};

}  // namespace

void add_tenant_commands(CLI::App& app, context& c) {
  auto* group =
      app.add_subcommand("tenant", "firms that send through the gateway")->require_subcommand(1);
  auto o = kept<tenant_options>();

  auto* add = group->add_subcommand("add", "add a tenant");
  add->add_option("name", o->name, "short name: a-z, 0-9, dash")->required();
  add->add_option("--legal-name", o->legal_name, "as registered; recipients consented to it")
      ->required();
  add->add_option("--contact", o->contact, "address for notices")->required();
  add->add_option("--postal-address", o->postal_address, "");
  add->add_option("--state", o->state, "pending or active")->capture_default_str();
  add->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"name", o->name},
                              {"legal_name", o->legal_name},
                              {"contact", o->contact},
                              {"postal_address", o->postal_address},
                              {"state", o->state}};
      return finish(c, daemon_client{c.socket}.post("/v1/tenants", body),
                    [](const json::object& a) {
                      fmt::print("tenant {} is {}\n", std::string{a.at("name").as_string()},
                                 std::string{a.at("state").as_string()});
                    });
    };
  });

  auto* show = group->add_subcommand("show", "one tenant with its domains and credentials");
  show->add_option("name", o->name, "")->required();
  show->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get(tenant_path(o->name)), show_fields);
    };
  });

  group->add_subcommand("list", "all tenants")->callback([&c] {
    c.chosen = [&c] {
      return finish(c, daemon_client{c.socket}.get("/v1/tenants"), [](const json::object& a) {
        print_table(a.at("tenants").as_array(),
                    {"name", "state", "bulk_blocked", "legal_name", "contact"});
      });
    };
  });

  auto* state = group->add_subcommand("state", "change the state of the contract");
  state->add_option("name", o->name, "")->required();
  state->add_option("state", o->state, "active, overdue, suspended or terminated")->required();
  state->add_option("--reason", o->reason, "")->required();
  state->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"state", o->state}, {"reason", o->reason}};
      return finish(c, daemon_client{c.socket}.post(tenant_path(o->name, "state"), body),
                    show_fields);
    };
  });
}

void add_domain_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("domain", "sender domains")->require_subcommand(1);
  auto o = kept<domain_options>();
  auto* add = group->add_subcommand("add", "let a tenant send as a domain; makes its DKIM keys");
  add->add_option("tenant", o->tenant, "")->required();
  add->add_option("domain", o->domain, "")->required();
  add->add_option("--selector", o->selector, "of the DKIM keys");
  add->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body{{"domain", o->domain}};
      if (!o->selector.empty()) body["selector"] = o->selector;
      return finish(c, daemon_client{c.socket}.post(tenant_path(o->tenant, "domains"), body),
                    [](const json::object& a) {
                      fmt::print("{} may be used as sender. Publish these records:\n",
                                 std::string{a.at("domain").as_string()});
                      for (const auto& r : a.at("dns").as_array())
                        fmt::print("{}. {} \"{}\"\n", std::string{r.at("name").as_string()},
                                   std::string{r.at("type").as_string()},
                                   std::string{r.at("value").as_string()});
                    });
    };
  });
}

void add_credential_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("credential", "logins of CRM servers for submission")
                    ->require_subcommand(1);
  auto o = kept<credential_options>();
  auto* add = group->add_subcommand(
      "add", "add a login, bound to a stream; prints a new password unless one is given");
  add->add_option("tenant", o->tenant, "")->required();
  add->add_option("user", o->user, "")->required();
  add->add_option("--stream", o->stream, "bulk, transactional, automation or doi")
      ->capture_default_str();
  add->add_option("--campaign", o->campaign, "where a message names none");
  add->add_option("--topic", o->topic, "where a message names none");
  add->add_option("--password-file", o->password_file,
                  "first line is the password; - for standard input");
  add->callback([&c, o] {
    c.chosen = [&c, o]() -> int {
      json::object body{
          {"user", o->user}, {"stream", o->stream}, {"campaign", o->campaign}, {"topic", o->topic}};
      if (!o->password_file.empty()) {
        const auto content = read_file(o->password_file);
        if (!content) return complain(content.error().public_text, exit_could_not);
        body["password"] = trim(std::string_view{*content}.substr(0, content->find('\n')));
      }
      return finish(c, daemon_client{c.socket}.post(tenant_path(o->tenant, "credentials"), body),
                    [](const json::object& a) {
                      fmt::print("credential {} for stream {}\n",
                                 std::string{a.at("user").as_string()},
                                 std::string{a.at("stream").as_string()});
                      if (const auto* p = a.if_contains("password"))
                        fmt::print("password {}   (shown once, stored only as a SCRAM key)\n",
                                   std::string{p->as_string()});
                    });
    };
  });
}

}  // namespace consentry::app::cli
