// consentry tenant export, import
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "app/cli/daemon_answers.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t piece_bytes = 4u << 20;

struct transfer_options {
  std::string tenant, format = "json", file, as;
  bool is_settled = false;
};

// Into FILE.part first: a file of the name asked for is whole.
int fetch(const context& c, const transfer_options& o, const json::object& made) {
  const daemon_client daemon{c.socket};
  const auto at = tenant_path(o.tenant, "exports") + "/" + std::string{made.at("id").as_string()};
  const auto part = o.file + ".part";
  std::error_code error;
  std::ofstream out{part, std::ios::binary | std::ios::trunc};
  std::filesystem::permissions(
      part, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  const auto bytes = made.at("bytes").to_number<std::uint64_t>();
  for (std::uint64_t have = 0; have < bytes;) {
    const auto piece = daemon.get_bytes(at + "?offset=" + std::to_string(have));
    if (!piece) return complain(piece.error().public_text, exit_could_not);
    if (piece->empty()) return complain("the export ended too early", exit_could_not);
    out.write(piece->data(), static_cast<std::streamsize>(piece->size()));
    have += piece->size();
  }
  out.close();
  if (!out) return complain(part + ": cannot be written", exit_could_not);
  std::filesystem::rename(part, o.file, error);
  if (error) return complain(o.file + ": " + error.message(), exit_could_not);
  const auto gone = daemon.post(at + "/remove", json::object{});
  if (!gone || !gone->is_ok()) complain("the gateway's own copy stays for a day", 0);
  return exit_done;
}

int run_export(const context& c, const transfer_options& o) {
  json::object body{{"format", o.format}};
  if (o.is_settled) body["invoices"] = "settled";
  const auto made = daemon_client{c.socket}.post(tenant_path(o.tenant, "exports"), body);
  if (!made || !made->is_ok()) return finish(c, made, show_fields);
  if (const int code = fetch(c, o, made->body.as_object()); code != exit_done) return code;
  return finish(c, made, [&](const json::object& a) {
    fmt::print("{}: {} bytes\n", o.file, a.at("bytes").to_number<std::uint64_t>());
    print_fields(a.at("rows").as_object(), 2);
  });
}

int run_import(const context& c, const transfer_options& o) {
  const daemon_client daemon{c.socket};
  std::ifstream in{o.file, std::ios::binary};
  if (!in) return complain(o.file + ": cannot be read", exit_could_not);
  const auto begun = daemon.post("/v1/tenant-imports", json::object{});
  if (!begun || !begun->is_ok()) return finish(c, begun, show_fields);
  const auto at = "/v1/tenant-imports/" + std::string{begun->body.as_object().at("id").as_string()};
  std::string piece(piece_bytes, '\0');
  for (std::uint64_t sent = 0;;) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto got = static_cast<std::size_t>(in.gcount());
    if (got == 0) break;
    const auto taken = daemon.post_file(at + "?offset=" + std::to_string(sent),
                                        piece.substr(0, got), "application/octet-stream");
    if (!taken || !taken->is_ok()) return finish(c, taken, show_fields);
    sent += got;
  }
  json::object body;
  if (!o.as.empty()) body["as"] = o.as;
  return finish(c, daemon.post(at + "/apply", body), show_fields);
}

}  // namespace

void add_transfer_commands(CLI::App& tenant, context& c) {
  auto o = kept<transfer_options>();
  auto* out = tenant.add_subcommand("export", "hand over all data of a tenant");
  out->add_option("name", o->tenant, "")->required();
  out->add_option("--format", o->format, "json (comes back without loss) or xml")
      ->check(CLI::IsMember({"json", "xml"}))
      ->capture_default_str();
  out->add_option("-o,--output", o->file, "file to write")->required();
  out->add_flag("--settled", o->is_settled,
                "the invoices of an overdue tenant are settled: JSON waits for that (terms 12)");
  out->callback([&c, o] { c.chosen = [&c, o] { return run_export(c, *o); }; });

  auto* in = tenant.add_subcommand("import", "a tenant back from a JSON export of this operator's");
  in->add_option("file", o->file, "")->required();
  in->add_option("--as", o->as, "short name, where the one it had is taken");
  in->callback([&c, o] { c.chosen = [&c, o] { return run_import(c, *o); }; });
}

}  // namespace consentry::app::cli
