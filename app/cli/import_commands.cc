// consentry consent import|imports|import-status|import-cancel|import-rejects|import-release
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <fstream>

#include "app/cli/daemon_answers.h"
#include "app/cli/import_upload.h"
#include "base/text.h"
#include "policy/consent/import_rows.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;
namespace consent = policy::consent;

constexpr std::size_t listed_max = 1000;  // refused rows in --json
constexpr std::size_t shown_max = 20;     // and in words

struct import_options {
  import_wish wish;
  std::string rejects, id, reason;
  bool no_progress = false;
};

std::uint64_t number(const json::object& o, const char* name) {
  return o.at(name).to_number<std::uint64_t>();
}

void show_job(const json::object& a) {
  fmt::print("{} {}: ", std::string{a.at("import").as_string()},
             std::string{a.at("state").as_string()});
  fmt::print(
      "{} rows read, {} taken ({} new, {} renewed, {} known, {} withdrawals), {} refused{}\n",
      number(a, "rows"), number(a, "taken"), number(a, "added"), number(a, "renewed"),
      number(a, "kept"), number(a, "withdrawals"), number(a, "refused"),
      a.at("dry_run").as_bool() ? " (dry run: nothing stored)" : "");
  if (number(a, "still_withdrawn") != 0)
    fmt::print("{} of them withdrew later and stay so\n", number(a, "still_withdrawn"));
  for (const auto& [reason, count] : a.at("refused_by_reason").as_object())
    fmt::print("  {} {}\n", count.to_number<std::uint64_t>(), std::string_view{reason});
  if (const auto& ignored = a.at("ignored_columns").as_array(); !ignored.empty()) {
    std::string names;
    for (const auto& n : ignored) names += (names.empty() ? "" : ", ") + std::string{n.as_string()};
    fmt::print("columns passed over: {}\n", names);
  }
  if (const auto* why = a.if_contains("why")) fmt::print("{}\n", std::string{why->as_string()});
}

std::string import_path(const std::string& tenant, const std::string& id,
                        std::string_view part = {}) {
  return tenant_path(tenant, "imports/" + path_segment(id)) + std::string{part};
}

// Writes the reject file as it comes; failure: what is wrong.
result<void> fetch_rejects(const daemon_client& daemon, const std::string& tenant,
                           const std::string& id, const std::string& file) {
  std::ofstream out{file, std::ios::binary | std::ios::trunc};
  for (std::uint64_t at = 0, all = 1; at < all;) {
    const auto got = daemon.get_text(import_path(tenant, id, "/rejects"), at);
    if (!got) return got.error();
    if (got->status != 200 && got->status != 206)
      return failure{.kind = failure_kind::not_found, .public_text = "there is no reject file"};
    out << got->body;
    at += got->body.size();
    all = got->whole_bytes;
    if (got->body.empty()) break;
  }
  out.flush();
  if (!out) return failure{.kind = failure_kind::io, .public_text = file + ": cannot be written"};
  return {};
}

// The first refused rows, for eyes and for --json.
json::array first_rejects(const daemon_client& daemon, const std::string& tenant,
                          const std::string& id) {
  json::array out;
  const auto got = daemon.get_text(import_path(tenant, id, "/rejects"), 0);
  if (!got || (got->status != 200 && got->status != 206)) return out;
  consent::file_layout layout;
  // Any four columns: the reader of imports reads these too.
  layout.order = {consent::column::email, consent::column::topic, consent::column::method,
                  consent::column::evidence};
  const consent::import_limits limits{.row_bytes_max = SIZE_MAX};
  const auto whole = consent::whole_records(got->body, layout, false);
  const auto reader =
      consent::make_row_reader(std::string_view{got->body}.substr(0, whole), 1, layout, limits);
  consent::raw_row row;
  reader->next(row);  // the header line
  while (out.size() < listed_max && reader->next(row))
    out.push_back(json::object{
        {"line", std::strtoull(std::string{row[consent::column::email]}.c_str(), nullptr, 10)},
        {"reason", row[consent::column::topic]},
        {"text", row[consent::column::method]}});
  return out;
}

void show_rejects(const json::array& rows, std::uint64_t all, const std::string& id) {
  for (std::size_t i = 0; i < std::min(rows.size(), shown_max); ++i) {
    const auto& r = rows[i].as_object();
    fmt::print("line {}: {}: {}\n", number(r, "line"), std::string{r.at("reason").as_string()},
               printable(std::string{r.at("text").as_string()}, 300));
  }
  if (all > shown_max)
    fmt::print("... all of them: consentry consent import-rejects {} FILE\n", id);
}

// What only the desk is told; empty for others.
json::object signs_of(const daemon_client& daemon, const std::string& tenant,
                      const std::string& id) {
  const auto got = daemon.get(import_path(tenant, id, "/signs"));
  return got && got->is_ok() ? got->body.as_object() : json::object{};
}

void show_signs(const json::object& s, const std::string& tenant) {
  if (s.empty() || number(s, "score") == 0) return;
  fmt::print("signs of a bought list: score {}\n", number(s, "score"));
  for (const auto& r : s.at("reasons").as_array()) fmt::print("  {}\n", std::string{r.as_string()});
  if (s.at("holds_campaigns").as_bool())
    fmt::print("campaigns wait until: consentry consent import-release {} {} --reason ...\n",
               tenant, std::string{s.at("import").as_string()});
}

int report_end(const context& c, const import_options& o, import_end& end) {
  const daemon_client daemon{c.socket};
  auto& job = end.job;
  const std::string state{job.at("state").as_string()};
  const auto refused = number(job, "refused");
  const bool has_rejects = job.at("has_rejects").as_bool();
  job["refused_rows"] =
      has_rejects ? first_rejects(daemon, o.wish.tenant, end.import) : json::array{};
  if (!o.rejects.empty() && has_rejects)
    if (auto got = fetch_rejects(daemon, o.wish.tenant, end.import, o.rejects); !got)
      return complain(got.error().public_text, exit_could_not);
  auto signs = signs_of(daemon, o.wish.tenant, end.import);
  if (c.json) {
    if (!signs.empty()) job["signs"] = std::move(signs);
    print_json(job);
  } else if (state == "refused" && number(job, "rows") == 0) {
    complain(std::string{job.at("why").as_string()}, 0);  // the file as such
  } else {
    show_job(job);
    show_rejects(job.at("refused_rows").as_array(), refused, o.wish.tenant + " " + end.import);
    show_signs(signs, o.wish.tenant);
  }
  if (state == "done") return refused == 0 ? exit_done : exit_no;
  return state == "refused" ? exit_no : exit_could_not;
}

int run_import(const context& c, import_options& o) {
  if (o.wish.file.empty() && o.wish.resume.empty()) return complain("FILE is missing", exit_usage);
  o.wish.shows_progress = !o.no_progress && !c.json && ::isatty(STDERR_FILENO) == 1;
  auto end = upload_and_watch(daemon_client{c.socket}, o.wish);
  if (end.how == import_end::kind::ended) return report_end(c, o, end);
  const auto go_on = fmt::format("consentry consent import {} {} --resume {}", o.wish.tenant,
                                 o.wish.file, end.import);
  if (end.how == import_end::kind::failed) {
    complain(end.text, 0);
    if (!end.import.empty() && end.exit_code == exit_could_not)
      fmt::print(stderr, "go on with: {}\n", go_on);
    return end.exit_code;
  }
  const bool is_uploading = end.job.at("state").as_string() == "uploading";
  if (c.json) print_json(end.job);
  fmt::print(stderr, "{}; {}: {}\n",
             is_uploading ? "stopped in the upload" : "the daemon goes on with it",
             is_uploading ? "go on with" : "watch it with", go_on);
  return exit_could_not;
}

void show_imports(const json::array& jobs, const json::array& signs) {
  fmt::print("{:8} {:9} {:>11} {:>11} {:>9}  {:>5}  {}\n", "IMPORT", "STATE", "ROWS", "APPLIED",
             "REFUSED", "SCORE", "SOURCE");
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto& j = jobs[i].as_object();
    std::string score = "-";
    const json::object* s = i < signs.size() ? &signs[i].as_object() : nullptr;
    if (s != nullptr && s->at("import") == j.at("import"))
      score = std::to_string(number(*s, "score"));
    else
      s = nullptr;
    fmt::print("{:8} {:9} {:>11} {:>11} {:>9}  {:>5}  {}\n",
               std::string{j.at("import").as_string()}, std::string{j.at("state").as_string()},
               number(j, "rows"), number(j, "applied"), number(j, "refused"), score,
               printable(std::string{j.at("source").as_string()}, 60));
    if (s == nullptr) continue;
    for (const auto& r : s->at("reasons").as_array())
      fmt::print("         {}\n", std::string{r.as_string()});
    if (s->at("holds_campaigns").as_bool())
      fmt::print("         holds campaigns: consentry consent import-release {} {} --reason ...\n",
                 std::string{j.at("tenant").as_string()}, std::string{j.at("import").as_string()});
  }
}

int list_imports(const context& c, const import_options& o) {
  const daemon_client daemon{c.socket};
  const auto jobs = daemon.get(tenant_path(o.wish.tenant, "imports"));
  // Only the desk is told of signs.
  const auto signs = daemon.get(tenant_path(o.wish.tenant, "import-signs"));
  const bool has_signs = signs && signs->is_ok();
  if (c.json && jobs && jobs->is_ok()) {
    auto both = jobs->body.as_object();
    if (has_signs) both["signs"] = signs->body.at("imports");
    print_json(both);
    return exit_done;
  }
  return finish(c, jobs, [&](const json::object& a) {
    show_imports(a.at("imports").as_array(),
                 has_signs ? signs->body.at("imports").as_array() : json::array{});
  });
}

void add_import(CLI::App& group, context& c) {
  auto o = kept<import_options>();
  auto* import = group.add_subcommand(
      "import", "import consents from CSV or NDJSON (- for standard input); large files too");
  import->add_option("tenant", o->wish.tenant, "")->required();
  import->add_option("file", o->wish.file, "");
  import->add_option("--format", o->wish.format, "csv or ndjson; else by the file's ending")
      ->check(CLI::IsMember({"csv", "ndjson"}));
  import->add_option("--map", o->wish.mapping,
                     "COLUMN=field: a column of the file under one of our names; several times");
  import->add_option("--delimiter", o->wish.delimiter, "of CSV: auto, ',', ';', '|' or tab");
  import->add_option("--rejects", o->rejects, "file for refused rows: line, reason, text, row");
  import->add_flag("--dry-run", o->wish.is_dry_run, "only say what would happen");
  import->add_flag("--all-or-nothing", o->wish.is_all_or_nothing,
                   "store nothing if any row is refused");
  import->add_option("--resume", o->wish.resume, "go on with this import");
  import->add_flag("--no-progress", o->no_progress, "no progress bar on a terminal");
  import->callback([&c, o] { c.chosen = [&c, o] { return run_import(c, *o); }; });

  auto* list = group.add_subcommand("imports", "a tenant's imports, and signs of a bought list");
  list->add_option("tenant", o->wish.tenant, "")->required();
  list->callback([&c, o] { c.chosen = [&c, o] { return list_imports(c, *o); }; });
}

void add_job_commands(CLI::App& group, context& c) {
  auto o = kept<import_options>();
  const auto path = [o](std::string_view part) { return import_path(o->wish.tenant, o->id, part); };
  auto* status = group.add_subcommand("import-status", "how far an import is");
  status->add_option("tenant", o->wish.tenant, "")->required();
  status->add_option("import", o->id, "")->required();
  status->callback([&c, path] {
    c.chosen = [&c, path] { return finish(c, daemon_client{c.socket}.get(path("")), show_job); };
  });
  auto* cancel = group.add_subcommand("import-cancel", "stop an import; what is stored stays");
  cancel->add_option("tenant", o->wish.tenant, "")->required();
  cancel->add_option("import", o->id, "")->required();
  cancel->callback([&c, path] {
    c.chosen = [&c, path] {
      return finish(c, daemon_client{c.socket}.post(path("/cancel"), json::object{}), show_job);
    };
  });
  auto* rejects = group.add_subcommand("import-rejects", "fetch the refused rows of an import");
  rejects->add_option("tenant", o->wish.tenant, "")->required();
  rejects->add_option("import", o->id, "")->required();
  rejects->add_option("file", o->rejects, "")->required();
  rejects->callback([&c, o] {
    c.chosen = [&c, o] {
      const auto got = fetch_rejects(daemon_client{c.socket}, o->wish.tenant, o->id, o->rejects);
      if (got) return exit_done;
      return complain(got.error().public_text,
                      got.error().kind == failure_kind::not_found ? exit_no : exit_could_not);
    };
  });
  auto* release = group.add_subcommand(
      "import-release", "the desk looked: campaigns are no longer held for this import");
  release->add_option("tenant", o->wish.tenant, "")->required();
  release->add_option("import", o->id, "")->required();
  release->add_option("--reason", o->reason, "")->required();
  release->callback([&c, o, path] {
    c.chosen = [&c, o, path] {
      const json::object body{{"reason", o->reason}};
      return finish(
          c, daemon_client{c.socket}.post(path("/release"), body), [](const json::object& a) {
            fmt::print("released; {} recipients go on\n", number(a, "released_recipients"));
          });
    };
  });
}

}  // namespace

void add_import_commands(CLI::App& consent, context& c) {
  add_import(consent, c);
  add_job_commands(consent, c);
}

}  // namespace consentry::app::cli
