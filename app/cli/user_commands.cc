// consentry user, token
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {

namespace {

namespace json = boost::json;

struct user_options {
  std::string tenant, login, name, role, label, expires;
  unsigned number = 0;
};

std::string users_path(const user_options& o, const std::string& part = {}) {
  auto path = o.tenant.empty() ? std::string{"/v1/users"} : tenant_path(o.tenant, "users");
  if (!o.login.empty()) path += "/" + path_segment(o.login);
  return part.empty() ? path : path + "/" + part;
}

CLI::App* named(CLI::App* group, const std::string& name, const std::string& what,
                const std::shared_ptr<user_options>& o) {
  auto* command = group->add_subcommand(name, what);
  command->add_option("login", o->login, "")->required();
  command->add_option("--tenant", o->tenant, "whose person it is; else staff");
  return command;
}

void show_user(const json::object& a) {
  const auto text = [&](const char* name) {
    const auto* v = a.if_contains(name);
    return v != nullptr ? std::string{v->as_string()} : std::string{};
  };
  fmt::print("{} is {}{}{}\n", text("login"), text("role"),
             a.contains("tenant") ? " of " + text("tenant") : "",
             a.at("active").as_bool() ? "" : ", not active");
}

void add_switch(CLI::App* group, context& c, const char* name, const char* what, bool active) {
  auto o = kept<user_options>();
  named(group, name, what, o)->callback([&c, o, active] {
    c.chosen = [&c, o, active] {
      return finish(c,
                    daemon_client{c.socket}.patch(users_path(*o), json::object{{"active", active}}),
                    show_user);
    };
  });
}

void add_changes(CLI::App* group, context& c) {
  auto o = kept<user_options>();
  auto* change = named(group, "change", "another name or role", o);
  change->add_option("--name", o->name, "");
  change->add_option("--role", o->role, "");
  change->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body;
      if (!o->name.empty()) body["name"] = o->name;
      if (!o->role.empty()) body["role"] = o->role;
      return finish(c, daemon_client{c.socket}.patch(users_path(*o), body), show_user);
    };
  });
  add_switch(group, c, "activate", "let the tokens of a user in again", true);
  add_switch(group, c, "deactivate", "all tokens of the user stop at once", false);
  auto removed = kept<user_options>();
  named(group, "remove", "with all tokens; the journal keeps the login", removed)
      ->callback([&c, removed] {
        c.chosen = [&c, removed] {
          return finish(c, daemon_client{c.socket}.remove(users_path(*removed)),
                        [](const json::object& a) {
                          fmt::print("{} is removed\n", std::string{a.at("login").as_string()});
                        });
        };
      });
}

}  // namespace

namespace {

// The password comes from a file or a terminal's pipe, never from the arguments, which others see.
void add_password_commands(CLI::App* group, context& c) {
  auto o = kept<user_options>();
  auto file = kept<std::string>();
  auto* set = named(group, "password", "set the password of a person for the console", o);
  set->add_option("--password-file", *file, "first line is the password; - for standard input")
      ->required();
  set->callback([&c, o, file] {
    c.chosen = [&c, o, file]() -> int {
      const auto content = read_file(*file);
      if (!content) return complain(content.error().public_text, exit_could_not);
      const json::object body{
          {"password", trim(std::string_view{*content}.substr(0, content->find('\n')))}};
      return finish(c,
                    daemon_client{c.socket}.put(users_path(*o, "password"), json::serialize(body),
                                                "application/json"),
                    show_fields);
    };
  });
  auto ended = kept<user_options>();
  named(group, "sign-out", "end the console session of a person", ended)->callback([&c, ended] {
    c.chosen = [&c, ended] {
      return finish(c, daemon_client{c.socket}.remove(users_path(*ended, "session")), show_fields);
    };
  });
}

}  // namespace

void add_user_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("user", "people who sign in: staff, or of one tenant")
                    ->require_subcommand(1);
  auto o = kept<user_options>();
  auto* add = named(group, "add", "add a person", o);
  add->add_option("--name", o->name, "of the person")->required();
  add->add_option("--role", o->role,
                  "admin, desk or auditor; tenant-admin or tenant-user with --tenant")
      ->required();
  add->callback([&c, o] {
    c.chosen = [&c, o] {
      auto whose = *o;
      const json::object body{
          {"login", std::exchange(whose.login, {})}, {"name", o->name}, {"role", o->role}};
      return finish(c, daemon_client{c.socket}.post(users_path(whose), body), show_user);
    };
  });

  auto listed = kept<user_options>();
  auto* list = group->add_subcommand("list", "staff, or the people of a tenant");
  list->add_option("--tenant", listed->tenant, "");
  list->callback([&c, listed] {
    c.chosen = [&c, listed] {
      return finish(c, daemon_client{c.socket}.get(users_path(*listed)), [](const json::object& a) {
        print_table(a.at("users").as_array(), {"login", "role", "active", "name", "created_at"});
      });
    };
  });
  add_changes(group, c);
  add_password_commands(group, c);
}

void add_token_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("token", "bearer tokens of users")->require_subcommand(1);
  auto o = kept<user_options>();
  auto* add = named(group, "add", "a new token; it is shown once", o);
  add->add_option("--label", o->label, "what it is for");
  add->add_option("--expires", o->expires, "a day, or a time");
  add->callback([&c, o] {
    c.chosen = [&c, o] {
      json::object body{{"label", o->label}};
      if (!o->expires.empty()) body["expires_at"] = o->expires;
      return finish(c, daemon_client{c.socket}.post(users_path(*o, "tokens"), body),
                    [](const json::object& a) {
                      fmt::print("token {}   (shown once, stored only as its hash)\n",
                                 std::string{a.at("token").as_string()});
                    });
    };
  });

  auto listed = kept<user_options>();
  named(group, "list", "the tokens of a user, not what they say", listed)->callback([&c, listed] {
    c.chosen = [&c, listed] {
      return finish(c, daemon_client{c.socket}.get(users_path(*listed)), [](const json::object& a) {
        print_table(a.at("tokens").as_array(),
                    {"number", "label", "created_at", "expires_at", "last_used"});
      });
    };
  });

  auto revoked = kept<user_options>();
  auto* revoke = named(group, "revoke", "a token stops at once", revoked);
  revoke->add_option("number", revoked->number, "as `token list` shows it")->required();
  revoke->callback([&c, revoked] {
    c.chosen = [&c, revoked] {
      const auto at = users_path(*revoked, "tokens/" + std::to_string(revoked->number));
      return finish(c, daemon_client{c.socket}.remove(at),
                    [](const json::object&) { fmt::print("revoked\n"); });
    };
  });
}

}  // namespace consentry::app::cli
