// consentry person report|erase|correct
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct person_options {
  std::string tenant, address, new_address, name, reason;
  bool all_tenants = false, moves_consents = false;
};

void show_erased(const json::object& a) {
  const auto number = [&](const char* name) { return a.at(name).to_number<std::uint64_t>(); };
  fmt::print(
      "erased: {} consents, {} queued mails cancelled, {} notices cancelled, {} shared bodies "
      "redacted, {} rows scrubbed; off the disk by {}\n",
      number("consents"), number("cancelled"), number("notices_cancelled"),
      number("shared_bodies_redacted"), number("rows_scrubbed"),
      std::string{a.at("gone_by").as_string()});
}

void show_report(const json::object& a) {
  auto head = a;
  for (const char* list : {"mails", "events"}) head.erase(list);
  print_fields(head);
  fmt::print("mails\n");
  print_table(a.at("mails").as_array(),
              {"recipient", "stream", "campaign", "accepted_at", "outcome", "at"});
  fmt::print("history\n");
  for (const auto& e : a.at("events").as_array()) print_event(e.as_object());
}

int run_erase(const context& c, const person_options& o) {
  const json::object body{{"address", o.address}, {"reason", o.reason}};
  const daemon_client daemon{c.socket};
  if (!o.all_tenants)
    return finish(c, daemon.post(tenant_path(o.tenant, "persons/erase"), body), show_erased);
  return finish(c, daemon.post("/v1/persons/erase", body), [](const json::object& a) {
    for (const auto& t : a.at("tenants").as_array()) {
      fmt::print("{}: ", std::string{t.at("tenant").as_string()});
      show_erased(t.as_object());
    }
    if (a.at("tenants").as_array().empty()) fmt::print("no tenant knows that address\n");
  });
}

}  // namespace

void add_person_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("person", "rights of persons: what is held, correction, erasure")
                    ->require_subcommand(1);
  auto o = kept<person_options>();
  auto* report = group->add_subcommand("report", "everything that a tenant holds about an address");
  report->add_option("tenant", o->tenant, "")->required();
  report->add_option("address", o->address, "")->required();
  report->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto t = target(tenant_path(o->tenant, "persons"), {{"address", o->address}});
      return finish(c, daemon_client{c.socket}.get(t), show_report);
    };
  });

  auto* erase = group->add_subcommand("erase", "unreadable at once, off the disk within a day");
  erase->add_option("tenant", o->tenant, "or the address alone, with --all-tenants")->required();
  erase->add_option("address", o->address, "");
  erase->add_flag("--all-tenants", o->all_tenants, "wherever the address is known");
  erase->add_option("--reason", o->reason, "is kept; must not name the person")->required();
  erase->callback([&c, o] {
    if (o->all_tenants && o->address.empty()) std::swap(o->address, o->tenant);
    if (o->address.empty() || (o->all_tenants && !o->tenant.empty()))
      throw CLI::ValidationError("erase", "TENANT ADDRESS, or --all-tenants ADDRESS");
    c.chosen = [&c, o] { return run_erase(c, *o); };
  });

  auto* correct = group->add_subcommand("correct", "mend a name or an address");
  correct->add_option("tenant", o->tenant, "")->required();
  correct->add_option("address", o->address, "as it is known")->required();
  correct->add_option("--new-address", o->new_address, "the old one is erased");
  correct->add_option("--name", o->name, "");
  correct->add_flag("--move-consents", o->moves_consents,
                    "the same person stands behind both addresses; else consents do not follow");
  correct->add_option("--reason", o->reason, "is kept; must not name the person")->required();
  correct->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body{{"address", o->address}, {"reason", o->reason}};
      if (!o->new_address.empty()) body["new_address"] = o->new_address;
      if (!o->name.empty()) body["name"] = o->name;
      if (o->moves_consents) body["consents"] = "move";
      return finish(c,
                    daemon_client{c.socket}.post(tenant_path(o->tenant, "persons/correct"), body),
                    show_fields);
    };
  });
}

}  // namespace consentry::app::cli
