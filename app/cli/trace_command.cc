// consentry trace
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct trace_options {
  std::map<std::string, std::string> which;
  std::string reason;
  unsigned for_s = 0;
  unsigned deliveries = 0;
};

void print_line(const json::object& l, std::uint64_t& last_delivery) {
  const auto text = [&](const char* name) { return std::string{l.at(name).as_string()}; };
  const auto delivery = l.at("delivery").to_number<std::uint64_t>();
  if (delivery != last_delivery)
    fmt::print("--- delivery {}: {} {} to {} from {}\n", delivery, text("message"),
               text("recipient"), text("site"), text("source"));
  last_delivery = delivery;
  const auto who = text("who");
  fmt::print("{} [{}] {} {}\n", text("at").substr(11, 12), delivery,
             who == "us"     ? "->"
             : who == "them" ? "<-"
                             : "  ",
             text("text"));
}

int trace(const context& c, const trace_options& o) {
  json::object body{{"reason", o.reason}};
  for (const auto& [name, value] : o.which)
    if (!value.empty()) body[name] = value;
  const daemon_client daemon{c.socket};
  const auto begun = daemon.post("/v1/traces", body);
  if (!begun || !begun->is_ok()) return finish(c, begun, show_fields);
  const auto path =
      fmt::format("/v1/traces/{}", begun->body.at("trace").to_number<std::uint64_t>());
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{o.for_s};
  std::uint64_t last_delivery = 0;
  std::set<std::uint64_t> seen;
  while (o.for_s == 0 || std::chrono::steady_clock::now() < until) {
    const auto a = daemon.get(target(path, {{"wait_s", o.for_s == 0 ? "10" : "1"}}));
    if (!a || !a->is_ok()) return finish(c, a, show_fields);
    for (const auto& l : a->body.at("lines").as_array()) {
      seen.insert(l.at("delivery").to_number<std::uint64_t>());
      if (o.deliveries != 0 && seen.size() > o.deliveries) break;
      if (c.json)
        fmt::print("{}\n", json::serialize(l));
      else
        print_line(l.as_object(), last_delivery);
    }
    if (const auto dropped = a->body.at("dropped").to_number<std::uint64_t>(); dropped != 0)
      fmt::print(stderr, "{} lines came too fast and are not shown\n", dropped);
    std::fflush(stdout);
    if (o.deliveries != 0 && seen.size() > o.deliveries) break;
  }
  const auto ended = daemon.remove(path);
  return exit_done;
}

}  // namespace

void add_trace_command(CLI::App& app, context& c) {
  auto o = kept<trace_options>();
  auto* sub = app.add_subcommand(
      "trace", "the SMTP dialog of deliveries as they happen; content is not shown, but its size");
  for (const char* name : {"tenant", "campaign", "message", "recipient", "domain", "site"})
    sub->add_option("--" + std::string{name}, o->which[name], "");
  sub->add_option("--for", o->for_s, "seconds; 0: until Ctrl-C")->capture_default_str();
  sub->add_option("--deliveries", o->deliveries, "end when the next one after so many begins");
  sub->add_option("--reason", o->reason, "stands in the journal under your login")->required();
  sub->callback([&c, o] { c.chosen = [&c, o] { return trace(c, *o); }; });
}

}  // namespace consentry::app::cli
