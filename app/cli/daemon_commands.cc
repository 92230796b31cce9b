#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

#include "app/cli/commands.h"
#include "app/cli/daemon_client.h"
#include "app/cli/printing.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

// Options live as long as the parser: each command keeps its own.
template <class T>
std::shared_ptr<T> kept() {
  return std::make_shared<T>();
}

int complain(const std::string& what, int code) {
  std::fprintf(stderr, "consentry: %s\n", printable(what, 1000).c_str());
  return code;
}

// Prints the answer: as it came with --json, else by `show`. The exit code says what it was.
template <class Show>
int finish(const context& c, const result<answer>& a, Show show) {
  if (!a) return complain(a.error().public_text, exit_could_not);
  if (c.json)
    print_json(a->body);
  else if (a->is_ok())
    show(a->body.as_object());
  if (!a->is_ok()) complain(a->detail(), 0);
  return a->exit_code();
}

void show_fields(const json::object& o) {
  print_fields(o);
}

result<std::string> read_file(const std::string& name) {
  std::string content;
  if (name == "-") return std::string{std::istreambuf_iterator<char>{std::cin}, {}};
  std::ifstream in{name, std::ios::binary};
  if (!in)
    return failure{.kind = failure_kind::not_found, .public_text = name + ": cannot be read"};
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

std::string tenant_path(const std::string& tenant, const std::string& part = {}) {
  return "/v1/tenants/" + path_segment(tenant) + (part.empty() ? "" : "/" + part);
}

struct tenant_options {
  std::string name, legal_name, contact, postal_address, state = "active", reason;
};

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

struct domain_options {
  std::string tenant, domain, selector;
};

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

struct credential_options {
  std::string tenant, user, stream = "bulk", campaign, topic, password_file;
};

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

struct consent_options {
  std::string tenant, file, address, topic, method = "desk", format;
  bool dry_run = false;
};

void show_import(const json::object& a) {
  fmt::print(
      "{} rows read, {} taken ({} new, {} renewed, {} known, {} withdrawals), {} refused{}\n",
      a.at("rows").to_number<std::uint64_t>(), a.at("taken").to_number<std::uint64_t>(),
      a.at("added").to_number<std::uint64_t>(), a.at("renewed").to_number<std::uint64_t>(),
      a.at("kept").to_number<std::uint64_t>(), a.at("withdrawals").to_number<std::uint64_t>(),
      a.at("refused").to_number<std::uint64_t>(),
      a.at("dry_run").as_bool() ? " (dry run: nothing stored)" : "");
  for (const auto& r : a.at("refused_rows").as_array())
    fmt::print("line {}: {}: {}\n", r.at("line").to_number<std::uint64_t>(),
               std::string{r.at("reason").as_string()}, std::string{r.at("text").as_string()});
}

int run_import(const context& c, const consent_options& o) {
  auto content = read_file(o.file);
  if (!content) return complain(content.error().public_text, exit_could_not);
  const bool ndjson = o.format.empty() ? o.file.ends_with(".ndjson") || o.file.ends_with(".jsonl")
                                       : o.format == "ndjson";
  std::map<std::string, std::string> query{
      {"source", std::filesystem::path{o.file}.filename().string()}};
  if (o.dry_run) query["dry_run"] = "1";
  const auto a = daemon_client{c.socket}.post_file(target(tenant_path(o.tenant, "consents"), query),
                                                   std::move(*content),
                                                   ndjson ? "application/x-ndjson" : "text/csv");
  const int code = finish(c, a, show_import);
  // Some rows were refused: the answer to "import this file" is not a whole yes.
  return code == exit_done && a->body.at("refused").to_number<std::uint64_t>() != 0 ? exit_no
                                                                                    : code;
}

void add_consent_commands(CLI::App& group, context& c) {
  auto o = kept<consent_options>();
  auto* import =
      group.add_subcommand("import", "import consents from CSV or NDJSON (- for standard input)");
  import->add_option("tenant", o->tenant, "")->required();
  import->add_option("file", o->file, "")->required();
  import->add_option("--format", o->format, "csv or ndjson; else by the file's ending")
      ->check(CLI::IsMember({"csv", "ndjson"}));
  import->add_flag("--dry-run", o->dry_run, "only say what would happen");
  import->callback([&c, o] { c.chosen = [&c, o] { return run_import(c, *o); }; });

  auto* show = group.add_subcommand("show", "what is known of one address");
  show->add_option("tenant", o->tenant, "")->required();
  show->add_option("address", o->address, "")->required();
  show->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c,
                    daemon_client{c.socket}.get(
                        target(tenant_path(o->tenant, "consents"), {{"address", o->address}})),
                    show_fields);
    };
  });

  auto* withdraw = group.add_subcommand("withdraw", "record a withdrawal; takes effect at once");
  withdraw->add_option("tenant", o->tenant, "")->required();
  withdraw->add_option("address", o->address, "")->required();
  withdraw->add_option("--topic", o->topic, "only this one; else all");
  withdraw->add_option("--method", o->method, "how it came: phone, post, desk ...")
      ->capture_default_str();
  withdraw->callback([&c, o] {
    c.chosen = [&c, o] {
      const json::object body{{"address", o->address}, {"topic", o->topic}, {"method", o->method}};
      return finish(
          c, daemon_client{c.socket}.post(tenant_path(o->tenant, "consents/withdraw"), body),
          [](const json::object& a) {
            fmt::print("withdrawn{}\n", a.at("news").as_bool() ? "" : " (it was already)");
          });
    };
  });
}

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

void add_standing_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("standing", "complaint ratio and block of a tenant")
                    ->require_subcommand(1);
  auto o = kept<tenant_options>();
  auto* show = group->add_subcommand("show", "the figures and what they mean");
  show->add_option("tenant", o->name, "")->required();
  show->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get(tenant_path(o->name, "standing")), show_fields);
    };
  });
  for (const char* what : {"block", "unblock"}) {
    auto* act = app.add_subcommand(what, std::string{what} + " a tenant's bulk stream");
    act->add_option("tenant", o->name, "")->required();
    act->add_option("--reason", o->reason, "stands in the journal under your login")->required();
    act->callback([&c, o, what = std::string{what}] {
      c.chosen = [&c, o, what] {
        return finish(c,
                      daemon_client{c.socket}.post(tenant_path(o->name, what),
                                                   json::object{{"reason", o->reason}}),
                      show_fields);
      };
    });
  }
}

struct why_options {
  std::string message, recipient;
};

void add_why_command(CLI::App& app, context& c) {
  auto o = kept<why_options>();
  auto* why =
      app.add_subcommand("why", "why a message or a recipient was taken, refused, held or bounced");
  why->add_option("message", o->message, "m0000012, as the SMTP reply named it")->required();
  why->add_option("recipient", o->recipient, "only this address");
  why->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto t = target("/v1/why/" + path_segment(o->message), {{"recipient", o->recipient}});
      return finish(c, daemon_client{c.socket}.get(t), [](const json::object& a) {
        auto head = a;
        head.erase("events");
        print_fields(head);
        fmt::print("history\n");
        for (const auto& e : a.at("events").as_array()) print_event(e.as_object());
      });
    };
  });
}

struct journal_options {
  std::string tenant, kind;
  std::uint64_t from = 0;
  unsigned count = 20;
  bool follow = false;
};

int tail_journal(const context& c, const journal_options& o) {
  auto from = o.from;
  for (;;) {
    const auto a = daemon_client{c.socket}.get(
        target("/v1/journal", {{"tenant", o.tenant},
                               {"kind", o.kind},
                               {"from", from == 0 ? "" : std::to_string(from)},
                               {"limit", std::to_string(o.count)}}));
    if (!a || !a->is_ok()) return finish(c, a, show_fields);
    for (const auto& e : a->body.at("entries").as_array()) {
      if (c.json)
        fmt::print("{}\n", json::serialize(e));
      else
        print_event(e.as_object());
    }
    std::fflush(stdout);
    if (!o.follow) return exit_done;
    const auto next = a->body.at("next").to_number<std::uint64_t>();
    if (next == from || a->body.at("entries").as_array().empty())
      std::this_thread::sleep_for(std::chrono::milliseconds{300});
    from = next;
  }
}

void add_journal_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("journal", "the history that cannot be changed unseen")
                    ->require_subcommand(1);
  auto o = kept<journal_options>();
  auto* tail =
      group->add_subcommand("tail", "the newest entries; one JSON object a line with --json");
  tail->add_option("-n,--count", o->count, "")->capture_default_str()->check(CLI::Range(1, 1000));
  tail->add_option("--from", o->from, "start at this number instead");
  tail->add_option("--tenant", o->tenant, "");
  tail->add_option("--kind", o->kind, "accepted, refused, delivered ...");
  tail->add_flag("-f,--follow", o->follow, "go on as they come");
  tail->callback([&c, o] { c.chosen = [&c, o] { return tail_journal(c, *o); }; });

  group->add_subcommand("verify", "recompute the hash chain")->callback([&c] {
    c.chosen = [&c] {
      const auto a = daemon_client{c.socket}.get("/v1/journal/verify");
      const int code = finish(c, a, [](const json::object& r) {
        if (r.at("whole").as_bool())
          fmt::print("whole: {} entries, head {}\n", r.at("checked").to_number<std::uint64_t>(),
                     std::string{r.at("head").as_string()});
        else
          fmt::print("BROKEN at entry {}: {}\n", r.at("broken").to_number<std::uint64_t>(),
                     std::string{r.at("what").as_string()});
      });
      return code == exit_done && !a->body.at("whole").as_bool() ? exit_no : code;
    };
  });
}

}  // namespace

void add_daemon_commands(CLI::App& app, context& c) {
  add_tenant_commands(app, c);
  add_domain_commands(app, c);
  add_credential_commands(app, c);
  auto* consent = app.add_subcommand("consent", "consents of recipients")->require_subcommand(1);
  add_consent_commands(*consent, c);
  add_queue_commands(app, c);
  add_standing_commands(app, c);
  add_why_command(app, c);
  add_journal_commands(app, c);
  app.add_subcommand("stats", "counters of the daemon")->callback([&c] {
    c.chosen = [&c] { return finish(c, daemon_client{c.socket}.get("/v1/stats"), show_fields); };
  });
}

}  // namespace consentry::app::cli
