// consentry queue list|show|count|hold|release|purge|requeue|move|orders
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct queue_options {
  std::map<std::string, std::string> which;
  std::string message, reason, after, by = "campaign", pool;
  unsigned limit = 50;
};

void add_filter(CLI::App* sub, const std::shared_ptr<queue_options>& o) {
  const std::pair<const char*, const char*> all[] = {
      {"tenant", ""},
      {"stream", "bulk, transactional, automation, doi"},
      {"campaign", ""},
      {"domain", "recipients of that domain"},
      {"site", "recipients of all domains that share the hosts of that one"},
      {"state", "untried, deferred, held"},
      {"held-because", "held for that reason"},
      {"older-than", "accepted so long ago: 90s, 15m, 6h, 3d"},
      {"newer-than", "accepted since"}};
  for (const auto& [name, text] : all) {
    auto key = std::string{name};
    std::replace(key.begin(), key.end(), '-', '_');
    sub->add_option("--" + std::string{name}, o->which[key], text);
  }
}

void print_total(const json::object& t) {
  const auto n = [&](const char* name) { return t.at(name).to_number<std::uint64_t>(); };
  fmt::print("{} messages, {} recipients queued ({} deferred), {} held\n", n("messages"),
             n("queued"), n("deferred"), n("held"));
}

void print_next(const json::object& a) {
  if (const auto* next = a.if_contains("next"))
    fmt::print("more: --after {}\n", std::string{next->as_string()});
}

void show_queue(const json::object& a) {
  print_table(a.at("messages").as_array(), {"message", "tenant", "stream", "campaign", "open",
                                            "held", "recipients", "accepted_at", "from"});
  print_total(a.at("total").as_object());
  print_next(a);
}

// A rare thing in a long queue may lie many empty pages away.
int list_queue(const context& c, const queue_options& o) {
  auto query = o.which;
  query["after"] = o.after;
  query["limit"] = std::to_string(o.limit);
  for (;;) {
    const auto a = daemon_client{c.socket}.get(target("/v1/queue", query));
    if (a && a->is_ok() && a->body.at("messages").as_array().empty())
      if (const auto* next = a->body.as_object().if_contains("next")) {
        query["after"] = std::string{next->as_string()};
        continue;
      }
    return finish(c, a, show_queue);
  }
}

int count_queue(const context& c, const queue_options& o) {
  std::map<std::string, std::string> query{
      {"by", o.by}, {"limit", std::to_string(o.limit)}, {"after", o.after}};
  for (const char* name : {"tenant", "stream", "campaign"}) query[name] = o.which.at(name);
  return finish(c, daemon_client{c.socket}.get(target("/v1/queue/counts", query)),
                [&](const json::object& a) {
                  const auto& rows = a.at("counts").as_array();
                  if (o.by == "campaign")
                    print_table(rows, {"tenant", "stream", "campaign", "messages", "queued",
                                       "deferred", "held", "oldest_at"});
                  else if (o.by == "domain")
                    print_table(rows, {"domain", "site", "queued", "deferred", "held"});
                  else if (o.by == "reason")
                    print_table(rows, {"tenant", "stream", "reason", "held"});
                  else
                    print_table(rows, {"age", "messages", "queued", "deferred", "held"});
                  print_total(a.at("total").as_object());
                  print_next(a);
                });
}

std::uint64_t changed_of(const json::object& order) {
  return order.at("changed").to_number<std::uint64_t>();
}

// Long orders go on in the daemon; this one shows how far they are.
int give_order(const context& c, const queue_options& o, const std::string& what) {
  json::object body{{"reason", o.reason}, {"wait_s", 1}};
  for (const auto& [name, value] : o.which)
    if (!value.empty()) body[name] = value;
  if (what == "move") body["pool"] = o.pool;
  auto a = daemon_client{c.socket}.post("/v1/queue/" + what, body);
  bool shown = false;
  while (a && a->is_ok() && !a->body.at("done").as_bool()) {
    const auto& order = a->body.as_object();
    const auto number = order.at("order").to_number<std::uint64_t>();
    if (!c.json) {
      const auto* expected = order.if_contains("expected");
      fmt::print(stderr, "\r{}: {}{} recipients, order {}", what, changed_of(order),
                 expected != nullptr ? fmt::format(" of {}", expected->to_number<std::uint64_t>())
                                     : std::string{},
                 number);
      std::fflush(stderr);
      shown = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    a = daemon_client{c.socket}.get(fmt::format("/v1/queue/orders/{}", number));
  }
  if (shown) fmt::print(stderr, "\n");
  const bool failed = a && a->is_ok() && a->body.as_object().contains("failed");
  const int code = finish(c, a, [&](const json::object& order) {
    fmt::print("{}: {} recipients\n", what, changed_of(order));
    if (const auto* why = order.if_contains("failed"))
      fmt::print("ended early: {}\n", std::string{why->as_string()});
  });
  return failed ? exit_could_not : code;
}

void add_acts(CLI::App& group, context& c) {
  const std::pair<const char*, const char*> acts[] = {
      {"hold", "hold mail until it is released"},
      {"release", "let held mail go; it is judged again"},
      {"purge", "end mail that waits: it is not sent, nobody is told"},
      {"requeue", "try mail that waits for a later attempt now"},
      {"move", "send mail from another pool of sources"}};
  for (const auto& [name, text] : acts) {
    auto o = kept<queue_options>();
    auto* act = group.add_subcommand(name, text);
    add_filter(act, o);
    act->add_option("--message", o->which["message"], "m0000012");
    act->add_option("--recipient", o->which["recipient"], "r0000013");
    act->add_option("--reason", o->reason, "stands in the journal under your login")->required();
    if (std::string_view{name} == "move")
      act->add_option("--pool", o->pool, "of the pacing rules; \"\" is the one that they say")
          ->required();
    act->callback([&c, o, what = std::string{name}] {
      c.chosen = [&c, o, what] { return give_order(c, *o, what); };
    });
  }
}

}  // namespace

void add_queue_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("queue", "mail that is not done yet")->require_subcommand(1);
  auto o = kept<queue_options>();
  auto* list = group->add_subcommand("list", "open messages");
  add_filter(list, o);
  list->add_option("--limit", o->limit, "")->capture_default_str();
  list->add_option("--after", o->after, "where the page before ended");
  list->callback([&c, o] { c.chosen = [&c, o] { return list_queue(c, *o); }; });

  auto n = kept<queue_options>();
  auto* count = group->add_subcommand("count", "how many wait, by what");
  count->add_option("--by", n->by, "")
      ->capture_default_str()
      ->check(CLI::IsMember({"campaign", "domain", "reason", "age"}));
  for (const char* name : {"tenant", "stream", "campaign"})
    count->add_option("--" + std::string{name}, n->which[name], "");
  count->add_option("--limit", n->limit, "")->capture_default_str();
  count->add_option("--after", n->after, "where the page before ended");
  count->callback([&c, n] { c.chosen = [&c, n] { return count_queue(c, *n); }; });

  auto* show = group->add_subcommand("show", "one message and its recipients");
  show->add_option("message", o->message, "m0000012")->required();
  show->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get("/v1/queue/" + path_segment(o->message)),
                    show_fields);
    };
  });
  add_acts(*group, c);
  group->add_subcommand("orders", "what was ordered since the start")->callback([&c] {
    c.chosen = [&c] {
      return finish(c, daemon_client{c.socket}.get("/v1/queue/orders"), [](const json::object& a) {
        print_table(a.at("orders").as_array(), {"order", "what", "tenant", "campaign", "changed",
                                                "expected", "done", "begun_at", "actor", "reason"});
      });
    };
  });
  add_site_commands(*group, c);
}

}  // namespace consentry::app::cli
