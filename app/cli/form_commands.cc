// consentry form add|list|show|change|disable|enable, doi-template approve|list|revoke
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct form_options {
  std::string tenant, form, topic, language = "hu", title, notice_file, notice_url, from, from_name,
                                   return_url;
  std::vector<std::string> embed_origins;
  bool with_name = false, embed = false;
};

std::string text_of(const json::object& o, std::string_view name) {
  return std::string{o.at(name).as_string()};
}

void show_form(const json::object& a) {
  auto head = a;
  for (const auto* big : {"notice", "notices", "embed"}) head.erase(big);
  print_fields(head);
  fmt::print("notice\n{}\n", text_of(a, "notice"));
}

// Only what was named: the rest stays as it is.
result<json::object> body_of(const form_options& o) {
  json::object body;
  const auto put = [&body](const char* name, const std::string& value) {
    if (!value.empty()) body[name] = value;
  };
  put("topic", o.topic);
  put("title", o.title);
  put("notice_url", o.notice_url);
  put("from", o.from);
  put("from_name", o.from_name);
  put("return_url", o.return_url);
  if (!o.notice_file.empty()) {
    auto text = read_file(o.notice_file);
    if (!text) return text.error();
    std::erase(*text, '\r');
    while (text->ends_with('\n')) text->pop_back();
    body["notice"] = *text;
  }
  if (!o.embed_origins.empty())
    body["embed_origins"] = json::array(o.embed_origins.begin(), o.embed_origins.end());
  if (o.with_name) body["fields"] = json::array{"address", "name"};
  return body;
}

int send_form(const context& c, const form_options& o, bool is_new) {
  auto body = body_of(o);
  if (!body) return complain(body.error().public_text, exit_could_not);
  if (is_new) (*body)["language"] = o.language;
  const auto path = is_new ? tenant_path(o.tenant, "forms")
                           : tenant_path(o.tenant, "forms/" + path_segment(o.form));
  return finish(c, daemon_client{c.socket}.post(path, *body), show_form);
}

void add_text_options(CLI::App* command, const std::shared_ptr<form_options>& o) {
  command->add_option("--notice-url", o->notice_url, "of the privacy notice");
  command->add_option("--from-name", o->from_name, "display name of the confirmation");
  command->add_option("--return-url", o->return_url, "shown as a link when all is done");
  command->add_option("--embed-origin", o->embed_origins,
                      "a site that may frame the form, https://www.example.hu; repeat");
  command->add_flag("--with-name", o->with_name, "ask for a name too, never required");
}

int show_one(const context& c, const form_options& o) {
  const auto a =
      daemon_client{c.socket}.get(tenant_path(o.tenant, "forms/" + path_segment(o.form)));
  return finish(c, a, [&o](const json::object& f) {
    if (!o.embed) return show_form(f);
    const auto& e = f.at("embed").as_object();
    fmt::print("<!-- in a frame -->\n{}\n<!-- or as a form of your own page -->\n{}",
               text_of(e, "iframe"), text_of(e, "html"));
  });
}

void add_form_switches(CLI::App* group, context& c, const std::shared_ptr<form_options>& o) {
  for (const char* what : {"disable", "enable"}) {
    auto* command = group->add_subcommand(what, std::string{what} + " a form; nothing is deleted");
    command->add_option("tenant", o->tenant, "")->required();
    command->add_option("form", o->form, "")->required();
    command->callback([&c, o, what = std::string{what}] {
      c.chosen = [&c, o, what] {
        const auto path = tenant_path(o->tenant, "forms/" + path_segment(o->form) + "/" + what);
        return finish(c, daemon_client{c.socket}.post(path, json::object{}), show_form);
      };
    });
  }
}

void add_form_group(CLI::App& app, context& c) {
  auto* group =
      app.add_subcommand("form", "sign-up forms with double opt-in")->require_subcommand(1);
  auto o = kept<form_options>();
  auto* add = group->add_subcommand("add", "make a form for a topic");
  add->add_option("tenant", o->tenant, "")->required();
  add->add_option("--topic", o->topic, "")->required();
  add->add_option("--title", o->title, "heading of the page, subject of the mail")->required();
  add->add_option("--notice", o->notice_file, "file with the exact text that is agreed to")
      ->required();
  add->add_option("--from", o->from, "mailbox of the confirmation, on a verified domain")
      ->required();
  add->add_option("--language", o->language, "hu or en")
      ->capture_default_str()
      ->check(CLI::IsMember({"hu", "en"}));
  add_text_options(add, o);
  add->callback([&c, o] { c.chosen = [&c, o] { return send_form(c, *o, true); }; });

  auto* change = group->add_subcommand("change", "another text is another version of the notice");
  change->add_option("tenant", o->tenant, "")->required();
  change->add_option("form", o->form, "")->required();
  change->add_option("--title", o->title, "");
  change->add_option("--notice", o->notice_file, "file with the exact text that is agreed to");
  change->add_option("--from", o->from, "");
  add_text_options(change, o);
  change->callback([&c, o] { c.chosen = [&c, o] { return send_form(c, *o, false); }; });

  auto* list = group->add_subcommand("list", "the forms of a tenant");
  list->add_option("tenant", o->tenant, "")->required();
  list->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get(tenant_path(o->tenant, "forms")),
                    [](const json::object& a) {
                      print_table(a.at("forms").as_array(),
                                  {"id", "topic", "language", "enabled", "title", "url"});
                    });
    };
  });

  auto* show = group->add_subcommand("show", "one form with its texts");
  show->add_option("tenant", o->tenant, "")->required();
  show->add_option("form", o->form, "")->required();
  show->add_flag("--embed", o->embed, "HTML to put into a page");
  show->callback([&c, o] { c.chosen = [&c, o] { return show_one(c, *o); }; });
  add_form_switches(group, c, o);
}

struct template_options {
  std::string tenant, file, hash;
};

void add_template_group(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("doi-template", "confirmation texts a CRM may mail itself")
                    ->require_subcommand(1);
  auto o = kept<template_options>();
  auto* approve =
      group->add_subcommand("approve", "read and found free of advertising (terms 5.3)");
  approve->add_option("tenant", o->tenant, "")->required();
  approve->add_option("file", o->file, "a sample mail, .eml")->required();
  approve->callback([&c, o] {
    c.chosen = [&c, o] {
      auto mail = read_file(o->file);
      if (!mail) return complain(mail.error().public_text, exit_could_not);
      const auto name = std::filesystem::path{o->file}.filename().string();
      const auto to = target(tenant_path(o->tenant, "doi-templates"), {{"name", name}});
      return finish(c, daemon_client{c.socket}.post_file(to, std::move(*mail), "message/rfc822"),
                    [](const json::object& a) {
                      fmt::print(
                          "{}\n\nApproved is this text, whatever stands for @ ~ # and behind "
                          "a link's host:\n\n{}",
                          text_of(a, "hash"), text_of(a, "text"));
                    });
    };
  });

  auto* list = group->add_subcommand("list", "the approved ones");
  list->add_option("tenant", o->tenant, "")->required();
  list->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c, daemon_client{c.socket}.get(tenant_path(o->tenant, "doi-templates")),
                    [](const json::object& a) {
                      print_table(a.at("templates").as_array(),
                                  {"hash", "approved_at", "approved_by", "name"});
                    });
    };
  });

  auto* revoke = group->add_subcommand("revoke", "approved no longer");
  revoke->add_option("tenant", o->tenant, "")->required();
  revoke->add_option("hash", o->hash, "")->required();
  revoke->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto path =
          tenant_path(o->tenant, "doi-templates/" + path_segment(o->hash) + "/revoke");
      return finish(c, daemon_client{c.socket}.post(path, json::object{}), show_fields);
    };
  });
}

}  // namespace

void add_form_commands(CLI::App& app, context& c) {
  add_form_group(app, c);
  add_template_group(app, c);
}

}  // namespace consentry::app::cli
