// consentry queue sites|stops|suspend|resume|drain
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct stop_options {
  std::string site, source, reason;
  bool intake = false, deliveries = false;
  unsigned limit = 50, wait_s = 600;
};

// At most one of them is set; deliveries where none is.
json::object body_of(const stop_options& o) {
  json::object body{{"reason", o.reason}};
  if (o.intake)
    body["what"] = "intake";
  else if (!o.site.empty())
    body["what"] = "site", body["name"] = o.site;
  else if (!o.source.empty())
    body["what"] = "source", body["name"] = o.source;
  else
    body["what"] = "deliveries";
  return body;
}

void show_stops(const json::object& a) {
  const auto& all = a.at("stops").as_array();
  if (all.empty())
    fmt::print("nothing is stopped\n");
  else
    print_table(all, {"what", "name", "domain", "reason", "actor", "at"});
  const auto& w = a.at("waiting").as_object();
  fmt::print("{} recipients queued, {} held, {} in flight{}\n",
             w.at("queued").to_number<std::uint64_t>(), w.at("held").to_number<std::uint64_t>(),
             a.at("in_flight").to_number<std::uint64_t>(),
             a.at("due").as_bool() ? "; some are due" : "");
}

void show_sites(const json::object& a) {
  for (const auto& v : a.at("sites").as_array()) {
    const auto& s = v.as_object();
    const auto n = [&](const char* name) { return s.at(name).to_number<std::uint64_t>(); };
    fmt::print("{}{}\n", std::string{s.at("site").as_string()},
               s.at("suspended").as_bool() ? "  SUSPENDED" : "");
    std::string domains;
    for (const auto& d : s.at("domains").as_array()) domains += " " + std::string{d.as_string()};
    if (n("domain_count") > s.at("domains").as_array().size())
      domains += fmt::format(" and {} more", n("domain_count") - s.at("domains").as_array().size());
    fmt::print("  queued {} (deferred {}), held {}, in flight {};{}\n", n("queued"), n("deferred"),
               n("held"), n("in_flight"), domains);
    for (const auto& p : s.at("paths").as_array()) {
      const auto& path = p.as_object();
      const auto* opens = path.if_contains("opens_at");
      fmt::print("  from {}: {} of {} connections{}{}\n",
                 std::string{path.at("source").as_string()},
                 path.at("in_flight").to_number<std::uint64_t>(),
                 path.at("connections_max").to_number<std::uint64_t>(),
                 path.at("down").as_bool() ? ", down" : "",
                 opens != nullptr ? ", opens " + std::string{opens->as_string()} : std::string{});
    }
    if (const auto* last = s.if_contains("last_reply")) {
      const auto& r = last->as_object();
      const auto* host = r.if_contains("host");
      fmt::print("  last: {} {} {}{}\n", std::string{r.at("at").as_string()},
                 std::string{r.at("outcome").as_string()},
                 host != nullptr ? std::string{host->as_string()} + ": " : std::string{},
                 std::string{r.at("text").as_string()});
    }
  }
  fmt::print("{} sites\n", a.at("count").to_number<std::uint64_t>());
}

// Intake off, then wait until nothing is due. It stays off: what comes next is maintenance.
int drain(const context& c, const stop_options& o) {
  auto a = daemon_client{c.socket}.post("/v1/queue/suspend",
                                        json::object{{"what", "intake"}, {"reason", o.reason}});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{o.wait_s};
  const auto is_left = [&] {
    return a->body.at("due").as_bool() || a->body.at("in_flight").to_number<std::uint64_t>() != 0;
  };
  bool shown = false;
  while (a && a->is_ok() && is_left() && std::chrono::steady_clock::now() < deadline) {
    if (!c.json) {
      fmt::print(stderr, "\rdraining: {} queued, {} in flight   ",
                 a->body.at("waiting").at("queued").to_number<std::uint64_t>(),
                 a->body.at("in_flight").to_number<std::uint64_t>());
      std::fflush(stderr);
      shown = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    a = daemon_client{c.socket}.get("/v1/queue/stops");
  }
  if (shown) fmt::print(stderr, "\n");
  const bool in_time = a && a->is_ok() && !is_left();
  const int code = finish(c, a, [&](const json::object& said) {
    fmt::print("{}; no new mail is taken until: consentry queue resume --intake --reason ..\n",
               in_time ? "nothing is due" : "some mail is still due");
    show_stops(said);
  });
  return code == exit_done && !in_time ? exit_no : code;
}

}  // namespace

void add_site_commands(CLI::App& group, context& c) {
  auto o = kept<stop_options>();
  auto* sites = group.add_subcommand("sites", "where mail goes, and what was said there last");
  sites->add_option("--limit", o->limit, "those with most mail first")->capture_default_str();
  sites->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto t = target("/v1/queue/sites", {{"limit", std::to_string(o->limit)}});
      return finish(c, daemon_client{c.socket}.get(t), show_sites);
    };
  });
  group.add_subcommand("stops", "what is stopped by hand")->callback([&c] {
    c.chosen = [&c] {
      return finish(c, daemon_client{c.socket}.get("/v1/queue/stops"), show_stops);
    };
  });
  const std::pair<const char*, const char*> acts[] = {
      {"suspend", "start no deliveries: none at all, to a site, from a source; or take no mail"},
      {"resume", "let go on what was suspended"}};
  for (const auto& [name, text] : acts) {
    auto s = kept<stop_options>();
    auto* act = group.add_subcommand(name, text);
    auto* site =
        act->add_option("--site", s->site, "a domain, or a site as `queue sites` shows it");
    auto* source = act->add_option("--source", s->source, "of the pacing rules")->excludes(site);
    auto* intake =
        act->add_flag("--intake", s->intake, "new submissions")->excludes(site)->excludes(source);
    act->add_flag("--deliveries", s->deliveries, "all of them (the default)")
        ->excludes(site)
        ->excludes(source)
        ->excludes(intake);
    act->add_option("--reason", s->reason, "stands in the journal under your login")->required();
    act->callback([&c, s, what = std::string{name}] {
      c.chosen = [&c, s, what] {
        return finish(c, daemon_client{c.socket}.post("/v1/queue/" + what, body_of(*s)),
                      show_stops);
      };
    });
  }
  auto d = kept<stop_options>();
  auto* drains = group.add_subcommand("drain", "take no new mail, wait until nothing is due");
  drains->add_option("--wait", d->wait_s, "seconds at most")->capture_default_str();
  drains->add_option("--reason", d->reason, "stands in the journal under your login")->required();
  drains->callback([&c, d] { c.chosen = [&c, d] { return drain(c, *d); }; });
}

}  // namespace consentry::app::cli
