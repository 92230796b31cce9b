// consentry consent import|show|withdraw
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <map>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

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

}  // namespace

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
      const auto a = daemon_client{c.socket}.get(
          target(tenant_path(o->tenant, "consents"), {{"address", o->address}}));
      // The daemon answers 404 with what it knows, which is the person's pseudonym only.
      if (!a || a->status != 404 || !a->body.as_object().contains("consents"))
        return finish(c, a, show_fields);
      if (c.json) print_json(a->body);
      return complain("nothing is known of this address", exit_no);
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

}  // namespace consentry::app::cli
