// consentry evidence, consentry notice: what proves a tenant's consents.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <fstream>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct evidence_options {
  std::string tenant, file, type = "application/octet-stream", reference, out;
};

struct notice_options {
  std::string tenant, file, hash, version, language, url;
};

int add_evidence(const context& c, const evidence_options& o) {
  auto content = read_file(o.file);
  if (!content) return complain(content.error().public_text, exit_could_not);
  const auto a = daemon_client{c.socket}.post_file(tenant_path(o.tenant, "evidence"),
                                                   std::move(*content), o.type);
  return finish(c, a, [](const json::object& r) {
    fmt::print("{}{}\n", std::string{r.at("reference").as_string()},
               r.at("news").as_bool() ? "" : " (stored already)");
  });
}

// false: could not.
bool save(const std::string& file, const std::string& bytes) {
  std::ofstream out{file, std::ios::binary | std::ios::trunc};
  out << bytes;
  return out.flush().good();
}

int show_evidence(const context& c, const evidence_options& o) {
  const auto path = tenant_path(o.tenant, "evidence/" + path_segment(o.reference));
  const auto a = daemon_client{c.socket}.get(target(path, {{"format", "json"}}));
  if (o.out.empty() || !a || !a->is_ok())
    return finish(c, a, [](json::object r) {
      r.erase("content_base64");
      show_fields(r);
    });
  const auto bytes = parse_base64(a->body.at("content_base64").as_string());
  if (!bytes || !save(o.out, *bytes)) return complain("cannot write " + o.out, exit_could_not);
  return exit_done;
}

int add_notice(const context& c, const notice_options& o) {
  const auto text = read_file(o.file);
  if (!text) return complain(text.error().public_text, exit_could_not);
  if (!is_valid_utf8(*text)) return complain(o.file + " is not UTF-8", exit_no);
  json::object body{{"text", *text}};
  for (const auto& [name, value] : {std::pair{"hash", o.hash}, std::pair{"version", o.version},
                                    std::pair{"language", o.language}, std::pair{"url", o.url}})
    if (!value.empty()) body[name] = value;
  const auto a = daemon_client{c.socket}.post(tenant_path(o.tenant, "notices"), body);
  return finish(c, a, [](const json::object& r) {
    fmt::print("{}\n", std::string{r.at("hash").as_string()});
  });
}

int show_notice(const context& c, const notice_options& o) {
  const auto a =
      daemon_client{c.socket}.get(target(tenant_path(o.tenant, "notices"), {{"hash", o.hash}}));
  return finish(c, a, show_fields);
}

void add_evidence_group(CLI::App& app, context& c) {
  auto* group =
      app.add_subcommand("evidence", "blobs that consents point to; packs that prove a mail")
          ->require_subcommand(1);
  auto o = kept<evidence_options>();
  auto* add = group->add_subcommand("add", "store a file; prints what a consent's evidence names");
  add->add_option("tenant", o->tenant, "")->required();
  add->add_option("file", o->file, "- for standard input; 256 KiB at most")->required();
  add->add_option("--type", o->type, "its media type")->capture_default_str();
  add->callback([&c, o] { c.chosen = [&c, o] { return add_evidence(c, *o); }; });
  add_pack_commands(*group, c);
  auto* show = group->add_subcommand("show", "what it is, and whose consents point to it");
  show->add_option("tenant", o->tenant, "")->required();
  show->add_option("reference", o->reference, "sha256:...")->required();
  show->add_option("--out", o->out, "write its content to this file");
  show->callback([&c, o] { c.chosen = [&c, o] { return show_evidence(c, *o); }; });
}

void add_notice_group(CLI::App& app, context& c) {
  auto* group =
      app.add_subcommand("notice", "exact texts that people agreed to")->require_subcommand(1);
  auto o = kept<notice_options>();
  auto* add = group->add_subcommand("add", "store a text; prints the hash that names it");
  add->add_option("tenant", o->tenant, "")->required();
  add->add_option("file", o->file, "UTF-8; - for standard input")->required();
  add->add_option("--hash", o->hash, "as consents name it; else its SHA-256");
  add->add_option("--version", o->version, "");
  add->add_option("--language", o->language, "");
  add->add_option("--url", o->url, "");
  add->callback([&c, o] { c.chosen = [&c, o] { return add_notice(c, *o); }; });
  auto* show = group->add_subcommand("show", "the text under a hash");
  show->add_option("tenant", o->tenant, "")->required();
  show->add_option("hash", o->hash, "")->required();
  show->callback([&c, o] { c.chosen = [&c, o] { return show_notice(c, *o); }; });
}

}  // namespace

void add_evidence_commands(CLI::App& app, context& c) {
  add_evidence_group(app, c);
  add_notice_group(app, c);
}

}  // namespace consentry::app::cli
