// consentry domain preflight: whether receivers can tell a domain's mail from forgeries
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct preflight_words {
  std::string domain, tenant;
  bool is_last = false;
};

std::string word(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v != nullptr && v->is_string() ? std::string{v->as_string()} : std::string{};
}

void show_group(const json::array& records, std::string_view by, const std::string& title) {
  bool is_first = true;
  for (const auto& v : records) {
    const auto& r = v.as_object();
    if (word(r, "by") != by) continue;
    if (is_first) fmt::print("\n{}\n", title);
    is_first = false;
    if (const auto old = word(r, "instead_of"); !old.empty()) fmt::print("; instead of: {}\n", old);
    fmt::print("{}\n", word(r, "zone_line"));
  }
}

void show(const json::object& a) {
  fmt::print("{} of {}: {}{}\n", word(a, "domain"), word(a, "tenant"), word(a, "state"),
             a.at("refuses_bulk").as_bool() ? ", bulk mail is refused" : "");
  if (const auto at = word(a, "looked_at"); !at.empty()) fmt::print("looked at {}\n", at);
  for (const auto& v : a.at("checks").as_array()) {
    const auto& c = v.as_object();
    fmt::print("  {:<12}{:<9}{:<24}{}\n", word(c, "check"), word(c, "state"), word(c, "reason"),
               word(c, "detail"));
  }
  const auto& records = a.at("records").as_array();
  show_group(records, "tenant", "The tenant publishes:");
  show_group(records, "operator", "The operator publishes, in the gateway's own zone:");
}

// The answer's own exit code, and 1 where the domain fails.
int told(const context& c, const result<answer>& a) {
  const int code = finish(c, a, show);
  if (!a || !a->is_ok()) return code;
  const auto* o = a->body.if_object();
  return o != nullptr && word(*o, "state") == "fail" ? exit_no : code;
}

int run(const context& c, const preflight_words& o) {
  daemon_client daemon{c.socket};
  auto tenant = o.tenant;
  if (tenant.empty()) {
    const auto whose = daemon.get("/v1/domains/" + path_segment(o.domain));
    if (!whose || !whose->is_ok()) return finish(c, whose, show_fields);
    tenant = word(whose->body.as_object(), "tenant");
  }
  const auto path = tenant_path(tenant, "domains") + "/" + path_segment(o.domain) + "/preflight";
  return told(c, o.is_last ? daemon.get(path) : daemon.post(path, json::object{}));
}

}  // namespace

void add_preflight_command(CLI::App& domain, context& c) {
  auto o = kept<preflight_words>();
  auto* preflight = domain.add_subcommand(
      "preflight", "ask the DNS now: DKIM, DMARC, SPF; prints the records that lack");
  preflight->add_option("domain", o->domain, "")->required();
  preflight->add_option("--tenant", o->tenant, "whose it is; else it is looked up");
  preflight->add_flag("--last", o->is_last, "what was found last, without asking");
  preflight->callback([&c, o] { c.chosen = [&c, o] { return run(c, *o); }; });
}

}  // namespace consentry::app::cli
