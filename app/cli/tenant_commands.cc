// consentry tenant, domain, credential
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"
#include "base/text.h"
#include "smtp/auth/sender_finding.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct tenant_options {
  std::string name, legal_name, contact, postal_address, state = "active", reason, why;
};

struct domain_options {
  std::string tenant, domain, selector, reason;
  bool verify_dns = false;
};

struct credential_options {
  std::string tenant, user, stream = "bulk", campaign, topic, password_file;
};

void show_added(const json::object& a) {
  fmt::print("tenant {} is {}\n", std::string{a.at("name").as_string()},
             std::string{a.at("state").as_string()});
  if (const auto* until = a.if_contains("contact_link_expires"))
    fmt::print("a link was mailed to {}; it is good until {}\n",
               std::string{a.at("contact").as_string()}, std::string{until->as_string()});
}

void show_records(const json::array& records) {
  for (const auto& r : records)
    fmt::print("{}\n", smtp::auth::zone_line({.name = std::string{r.at("name").as_string()},
                                              .type = std::string{r.at("type").as_string()},
                                              .value = std::string{r.at("value").as_string()}}));
}

std::string domain_path(const domain_options& o, const std::string& act) {
  return tenant_path(o.tenant, "domains") + "/" + path_segment(o.domain) + "/" + act;
}

void add_erase_command(CLI::App& group, context& c);

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
  add->add_option("--state", o->state,
                  "active: you vouch for it; pending: its contact gets a link, its domain a token")
      ->capture_default_str();
  add->add_option("--reason", o->reason, "why you vouch");
  add->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body{{"name", o->name},
                        {"legal_name", o->legal_name},
                        {"contact", o->contact},
                        {"postal_address", o->postal_address},
                        {"state", o->state}};
      if (!o->reason.empty()) body["reason"] = o->reason;
      return finish(c, daemon_client{c.socket}.post("/v1/tenants", body), show_added);
    };
  });

  auto* link = group->add_subcommand("link", "mail the contact a fresh link; the old one ends");
  link->add_option("name", o->name, "")->required();
  link->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(
          c, daemon_client{c.socket}.post(tenant_path(o->name, "contact-link"), json::object{}),
          show_added);
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
        print_table(a.at("tenants").as_array(), {"name", "shown_state", "legal_name", "contact"});
      });
    };
  });

  auto* state = group->add_subcommand("state", "change the state of the contract");
  state->add_option("name", o->name, "")->required();
  state->add_option("state", o->state, "active, overdue, suspended or terminated")->required();
  state->add_option("--reason", o->reason, "")->required();
  state->add_option("--why", o->why,
                    "terminated: over30_overdue, grave_breach, reputation_harm, false_data or "
                    "by_tenant");
  state->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body{{"state", o->state}, {"reason", o->reason}};
      if (!o->why.empty()) body["ended_because"] = o->why;
      return finish(c, daemon_client{c.socket}.post(tenant_path(o->name, "state"), body),
                    show_fields);
    };
  });
  add_exempt_commands(*group, c);
  add_erase_command(*group, c);
  add_transfer_commands(*group, c);
}

namespace {

void add_erase_command(CLI::App& group, context& c) {
  auto o = kept<tenant_options>();
  auto* erase = group.add_subcommand(
      "erase", "remove a terminated tenant's data at once, on its request; cannot be undone");
  erase->add_option("name", o->name, "")->required();
  erase->add_option("--reason", o->reason, "who asked for it, and how")->required();
  erase->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"reason", o->reason}};
      return finish(c, daemon_client{c.socket}.post(tenant_path(o->name, "erase"), body),
                    show_fields);
    };
  });
}

}  // namespace

void add_domain_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("domain", "sender domains")->require_subcommand(1);
  auto o = kept<domain_options>();
  auto* add = group->add_subcommand("add", "let a tenant send as a domain; makes its DKIM keys");
  add->add_option("tenant", o->tenant, "")->required();
  add->add_option("domain", o->domain, "")->required();
  add->add_option("--selector", o->selector, "of the DKIM keys");
  add->add_flag("--verify-dns", o->verify_dns,
                "do not vouch for it: it is good once its token is found in the DNS");
  add->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body{{"domain", o->domain}};
      if (!o->selector.empty()) body["selector"] = o->selector;
      if (o->verify_dns) body["proof"] = "dns";
      return finish(c, daemon_client{c.socket}.post(tenant_path(o->tenant, "domains"), body),
                    [](const json::object& a) {
                      const std::string domain{a.at("domain").as_string()};
                      if (a.at("verified_by") == "none")
                        fmt::print(
                            "{} can be used as sender once its token is found. Publish these "
                            "records:\n",
                            domain);
                      else
                        fmt::print("{} may be used as sender. Publish these records:\n", domain);
                      show_records(a.at("dns").as_array());
                    });
    };
  });

  auto* check = group->add_subcommand("check", "look for the token of a domain in the DNS now");
  check->add_option("tenant", o->tenant, "")->required();
  check->add_option("domain", o->domain, "")->required();
  check->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.post(domain_path(*o, "check"), json::object{}),
                    show_fields);
    };
  });

  add_preflight_command(*group, c);

  auto* remove = group->add_subcommand("remove", "a tenant gives up a domain; its keys go");
  remove->add_option("tenant", o->tenant, "")->required();
  remove->add_option("domain", o->domain, "")->required();
  remove->add_option("--reason", o->reason, "")->required();
  remove->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"reason", o->reason}};
      return finish(c, daemon_client{c.socket}.post(domain_path(*o, "remove"), body), show_fields);
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
