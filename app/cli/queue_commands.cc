// consentry queue list|show|hold|release|purge
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <map>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct queue_options {
  std::string tenant, stream, campaign, message, reason, after;
  unsigned limit = 50;
};

void show_queue(const json::object& a) {
  print_table(a.at("messages").as_array(), {"message", "tenant", "stream", "campaign", "open",
                                            "held", "recipients", "accepted_at", "from"});
  const auto& t = a.at("total").as_object();
  fmt::print("{} messages, {} recipients queued, {} held\n",
             t.at("messages").to_number<std::uint64_t>(), t.at("queued").to_number<std::uint64_t>(),
             t.at("held").to_number<std::uint64_t>());
  if (const auto* next = a.if_contains("next"))
    fmt::print("more: --after {}\n", std::string{next->as_string()});
}

}  // namespace

void add_queue_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("queue", "mail that is not done yet")->require_subcommand(1);
  auto o = kept<queue_options>();
  const auto add_filter = [o](CLI::App* sub) {
    sub->add_option("--tenant", o->tenant, "");
    sub->add_option("--stream", o->stream, "");
    sub->add_option("--campaign", o->campaign, "");
  };
  auto* list = group->add_subcommand("list", "open messages");
  add_filter(list);
  list->add_option("--limit", o->limit, "")->capture_default_str();
  list->add_option("--after", o->after, "where the page before ended");
  list->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto t = target("/v1/queue", {{"tenant", o->tenant},
                                          {"stream", o->stream},
                                          {"campaign", o->campaign},
                                          {"after", o->after},
                                          {"limit", std::to_string(o->limit)}});
      return finish(c, daemon_client{c.socket}.get(t), show_queue);
    };
  });
  auto* show = group->add_subcommand("show", "one message and its recipients");
  show->add_option("message", o->message, "m0000012")->required();
  show->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get("/v1/queue/" + path_segment(o->message)),
                    show_fields);
    };
  });
  for (const char* what : {"hold", "release", "purge"}) {
    auto* act = group->add_subcommand(
        what, std::string{what} + " mail of a tenant, a campaign, or one message");
    add_filter(act);
    act->add_option("--message", o->message, "m0000012");
    act->add_option("--reason", o->reason, "")->required();
    act->callback([&c, o, what = std::string{what}] {
      c.chosen = [&c, o, what] {
        json::object body{{"reason", o->reason}};
        for (const auto& [name, value] :
             std::map<std::string, std::string>{{"tenant", o->tenant},
                                                {"stream", o->stream},
                                                {"campaign", o->campaign},
                                                {"message", o->message}})
          if (!value.empty()) body[name] = value;
        return finish(
            c, daemon_client{c.socket}.post("/v1/queue/" + what, body), [&](const json::object& a) {
              fmt::print("{}: {} recipients\n", what, a.at("changed").to_number<std::uint64_t>());
            });
      };
    });
  }
}

}  // namespace consentry::app::cli
