// consentry dkim list|rotate|activate|remove: the keys that the daemon signs with
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"
#include "app/cli/dkim_commands.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct key_words {
  std::string domain, selector;
};

std::string word(const json::object& o, std::string_view name) {
  const auto* v = o.if_contains(name);
  return v != nullptr && v->is_string() ? std::string{v->as_string()} : std::string{};
}

std::string advice(const json::object& k) {
  const auto state = word(k, "state"), dns = word(k, "dns");
  const bool is_seen = dns == "published" || dns == "not_asked";
  if (state == "waiting")
    return dns == "published" ? "its record is there: activate, or wait" : "publish its record";
  if (state == "retired") return "its record stays until " + word(k, "record_until").substr(0, 10);
  if (!is_seen && dns != "unknown") return "signs, but its record is not right";
  return k.at("is_old").as_bool() ? "old: rotate" : "";
}

void show_keys(const json::object& a) {
  json::array rows;
  for (const auto& v : a.at("keys").as_array()) {
    auto row = v.as_object();
    row["advice"] = advice(row);
    row["days"] = row["age_days"];
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return fmt::print("no keys\n");
  print_table(rows, {"domain", "selector", "algorithm", "state", "days", "dns", "advice"});
  if (const auto next = word(a, "next"); !next.empty())
    fmt::print("more: consentry dkim list --after {}\n", next);
}

void show_records(const json::object& a) {
  fmt::print("Publish, each as one TXT record (a string holds 255 characters at most):\n\n");
  for (const auto& v : a.at("keys").as_array())
    fmt::print("{}\n", word(v.as_object().at("record").as_object(), "zone_line"));
  fmt::print(
      "\nThe keys of before go on signing. The new ones start by themselves once their records are "
      "seen,\nor at once with: consentry dkim activate {}\n",
      word(a, "domain"));
}

std::string key_path(const key_words& o, const std::string& act = {}) {
  auto out = "/v1/dkim/" + path_segment(o.domain);
  return act.empty() ? out : out + "/" + act;
}

}  // namespace

void add_dkim_key_commands(CLI::App& dkim, context& c) {
  auto o = kept<key_words>();
  auto after = std::make_shared<std::string>();
  auto* list = dkim.add_subcommand("list", "keys, their age and state; of one domain also its DNS");
  list->add_option("domain", o->domain, "else of all");
  list->add_option("--after", *after, "go on behind this domain");
  list->callback([&c, o, after] {
    c.chosen = [&c, o, after] {
      const auto where = o->domain.empty() ? target("/v1/dkim", {{"after", *after}}) : key_path(*o);
      return finish(c, daemon_client{c.socket}.get(where), show_keys);
    };
  });

  auto* rotate = dkim.add_subcommand(
      "rotate",
      "make the next keys of a domain and print their DNS records; the old go on signing");
  rotate->add_option("domain", o->domain, "")->required();
  rotate->add_option("--selector", o->selector, "else the one that follows: c1, c2 ..");
  rotate->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body;
      if (!o->selector.empty()) body["selector"] = o->selector;
      return finish(c, daemon_client{c.socket}.post(key_path(*o, "rotate"), body), show_records);
    };
  });

  auto* activate = dkim.add_subcommand(
      "activate", "sign with the new keys now if the DNS has their records; exit 1 if it has not");
  activate->add_option("domain", o->domain, "")->required();
  activate->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.post(key_path(*o, "activate"), json::object{}),
                    show_keys);
    };
  });

  auto* remove = dkim.add_subcommand("remove", "destroy a key that waits or is retired");
  remove->add_option("domain", o->domain, "")->required();
  remove->add_option("selector", o->selector, "as listed: c2r")->required();
  remove->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"selector", o->selector}};
      return finish(c, daemon_client{c.socket}.post(key_path(*o, "remove"), body), show_fields);
    };
  });
}

}  // namespace consentry::app::cli
