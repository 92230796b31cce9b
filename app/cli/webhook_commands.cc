// consentry webhook add|list|show|test|pause|resume|rotate|dead|replay|remove, consentry outcomes
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct webhook_options {
  std::string tenant, webhook, url, after = "now", reason;
  std::vector<std::string> only;
};

std::string path_of(const webhook_options& o, const std::string& part = {}) {
  auto out = tenant_path(o.tenant, "webhooks");
  if (!o.webhook.empty()) out += "/" + path_segment(o.webhook);
  return part.empty() ? out : out + "/" + part;
}

CLI::App* command(CLI::App* group, const char* name, const char* what,
                  const std::shared_ptr<webhook_options>& o, bool names_one) {
  auto* out = group->add_subcommand(name, what);
  out->add_option("tenant", o->tenant, "")->required();
  if (names_one) out->add_option("webhook", o->webhook, "as w1")->required();
  return out;
}

void add_adding(CLI::App* group, context& c) {
  auto o = kept<webhook_options>();
  auto* add = command(group, "add", "tell a server of outcomes; prints its secret once", o, false);
  add->add_option("url", o->url, "https://host/...")->required();
  add->add_option("--only", o->only, "outcomes: delivered,bounced ...; else all")->delimiter(',');
  add->add_option("--after", o->after, "begin behind this cursor; 0: all that is known")
      ->capture_default_str();
  add->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body{{"url", o->url}, {"after", o->after}};
      if (!o->only.empty()) body["only"] = json::value_from(o->only);
      return finish(c, daemon_client{c.socket}.post(path_of(*o), body), show_fields);
    };
  });
}

void add_acts(CLI::App* group, context& c) {
  for (const auto& [name, what] :
       {std::pair{"pause", "tell it nothing for now; nothing is lost"},
        std::pair{"resume", "go on where it was left"},
        std::pair{"rotate", "a new secret, printed once; the old one signs too for 24 hours"},
        std::pair{"replay", "send its dead letters again"}}) {
    auto o = kept<webhook_options>();
    auto* act = command(group, name, what, o, true);
    act->add_option("--reason", o->reason, "");
    act->callback([&c, o, part = std::string{name}] {
      c.chosen = [&c, o, part] {
        const json::object body{{"reason", o->reason}};
        return finish(c, daemon_client{c.socket}.post(path_of(*o, part), body), show_fields);
      };
    });
  }
}

void add_test(CLI::App* group, context& c) {
  auto o = kept<webhook_options>();
  command(group, "test", "send an empty batch now", o, true)->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto a = daemon_client{c.socket}.post(path_of(*o, "test"), json::object{});
      const int code = finish(c, a, show_fields);
      return code == exit_done && !a->body.at("ok").as_bool() ? exit_no : code;
    };
  });
}

void add_looks(CLI::App* group, context& c) {
  auto all = kept<webhook_options>();
  command(group, "list", "a tenant's, and how they do", all, false)->callback([&c, all] {
    c.chosen = [&c, all] {
      return finish(c, daemon_client{c.socket}.get(path_of(*all)), [](const json::object& a) {
        print_table(a.at("webhooks").as_array(), {"webhook", "state", "url", "cursor", "told",
                                                  "failures", "dead_letters", "last_error"});
      });
    };
  });
  auto one = kept<webhook_options>();
  command(group, "show", "one of them", one, true)->callback([&c, one] {
    c.chosen = [&c, one] {
      return finish(c, daemon_client{c.socket}.get(path_of(*one)), show_fields);
    };
  });
  auto dead = kept<webhook_options>();
  command(group, "dead", "what could not be told", dead, true)->callback([&c, dead] {
    c.chosen = [&c, dead] {
      return finish(c, daemon_client{c.socket}.get(path_of(*dead, "dead")),
                    [](const json::object& a) {
                      print_table(a.at("dead_letters").as_array(),
                                  {"first", "through", "outcomes", "at", "wanted", "why"});
                    });
    };
  });
}

struct feed_options {
  std::string tenant, after = "0", only;
  unsigned limit = 100, wait_s = 0;
};

}  // namespace

void add_webhook_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("webhook", "servers that are told of a tenant's outcomes")
                    ->require_subcommand(1);
  add_adding(group, c);
  add_looks(group, c);
  add_test(group, c);
  add_acts(group, c);
  auto o = kept<webhook_options>();
  auto* remove = command(group, "remove", "with its dead letters", o, true);
  remove->add_option("--reason", o->reason, "");
  remove->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.remove(path_of(*o), o->reason),
                    [](const json::object&) { fmt::print("removed\n"); });
    };
  });

  auto f = kept<feed_options>();
  auto* feed = app.add_subcommand("outcomes", "a tenant's outcomes behind a cursor, as JSON lines");
  feed->add_option("tenant", f->tenant, "")->required();
  feed->add_option("--after", f->after, "a cursor; 0: from the beginning; now: none")
      ->capture_default_str();
  feed->add_option("--only", f->only, "delivered,bounced ...");
  feed->add_option("-n,--limit", f->limit, "")->capture_default_str()->check(CLI::Range(1, 1000));
  feed->add_option("--wait", f->wait_s, "seconds for the next outcome")->check(CLI::Range(0, 30));
  feed->callback([&c, f] {
    c.chosen = [&c, f] {
      const auto t =
          target(tenant_path(f->tenant, "outcomes"), {{"after", f->after},
                                                      {"only", f->only},
                                                      {"limit", std::to_string(f->limit)},
                                                      {"wait_s", std::to_string(f->wait_s)}});
      return finish(c, daemon_client{c.socket}.get(t), [](const json::object& a) {
        for (const auto& e : a.at("outcomes").as_array()) fmt::print("{}\n", json::serialize(e));
        fmt::print(stderr, "cursor {}{}\n", std::string{a.at("cursor").as_string()},
                   a.at("more").as_bool() ? ", more behind it" : "");
      });
    };
  });
}

}  // namespace consentry::app::cli
