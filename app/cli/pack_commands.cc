// consentry evidence pack|verify|key
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <fstream>

#include "app/cli/daemon_answers.h"
#include "app/evidence_pack.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct pack_options {
  std::string message, recipient, tenant, out, file, key;
};

int make_pack(const context& c, const pack_options& o) {
  if (o.message.empty() && (o.recipient.empty() || o.tenant.empty()))
    throw CLI::ValidationError("name --message, or --recipient and --tenant");
  const auto path =
      o.message.empty() ? tenant_path(o.tenant, "pack") : "/v1/packs/" + path_segment(o.message);
  const auto a = daemon_client{c.socket}.get_text(target(path, {{"recipient", o.recipient}}), 0);
  if (!a) return complain(a.error().public_text, exit_could_not);
  if (a->status != 200) {
    boost::system::error_code error;
    answer said{.status = a->status, .body = json::parse(a->body, error)};
    return complain(error ? a->body : said.detail(), said.exit_code());
  }
  const auto name =
      !o.out.empty() ? o.out : "evidence-" + (o.message.empty() ? o.recipient : o.message) + ".tar";
  if (name == "-") {
    std::fwrite(a->body.data(), 1, a->body.size(), stdout);
    return exit_done;
  }
  std::ofstream out{name, std::ios::binary | std::ios::trunc};
  out << a->body;
  if (!out.flush()) return complain("cannot write " + name, exit_could_not);
  fmt::print("{}: {} octets, sha256 {}\n", name, a->body.size(), hex(as_bytes(sha256(a->body))));
  return exit_done;
}

// Hexadecimal, or a file that holds it.
std::optional<std::string> public_key_of(const std::string& given) {
  constexpr std::size_t key_bytes = 32;
  auto key = parse_hex(ascii_lower(given));
  if (!key || key->size() != key_bytes) {
    const auto content = read_file(given);
    if (!content) return std::nullopt;
    key = parse_hex(ascii_lower(trim(*content)));
  }
  if (!key || key->size() != key_bytes) return std::nullopt;
  return key;
}

int verify_pack(const context& c, const pack_options& o) {
  const auto key = public_key_of(o.key);
  if (!key) return complain("--key: 64 hexadecimal digits, or a file that holds them", exit_usage);
  const auto archive = read_file(o.file);
  if (!archive) return complain(archive.error().public_text, exit_could_not);
  const auto done = check_evidence_pack(*archive, *key);
  if (c.json) {
    print_json(json::object{{"sound", done.flaws.empty()},
                            {"flaws", json::value_from(done.flaws)},
                            {"gateway", done.gateway},
                            {"tenant", done.tenant},
                            {"message", done.message},
                            {"files", done.files},
                            {"entries", done.entries},
                            {"checkpoint", done.checkpoint}});
  } else if (done.flaws.empty()) {
    fmt::print("sound: {} files, {} journal entries, signed by {} for {}; checkpoint {}\n",
               done.files, done.entries, printable(done.gateway), printable(done.tenant),
               done.checkpoint);
  } else {
    for (const auto& f : done.flaws) fmt::print("NOT SOUND: {}\n", printable(f, 400));
  }
  return done.flaws.empty() ? exit_done : exit_no;
}

}  // namespace

void add_pack_commands(CLI::App& evidence, context& c) {
  auto o = kept<pack_options>();
  auto* pack = evidence.add_subcommand("pack", "all that proves a mail, as a signed archive");
  pack->add_option("--message", o->message, "as m0000012");
  pack->add_option("--recipient", o->recipient, "of that message only; or their newest mails");
  pack->add_option("--tenant", o->tenant, "with --recipient alone");
  pack->add_option("--out", o->out, "file to write; - for standard output");
  pack->callback([&c, o] { c.chosen = [&c, o] { return make_pack(c, *o); }; });

  auto v = kept<pack_options>();
  auto* verify = evidence.add_subcommand("verify", "check such an archive, without the gateway");
  verify->add_option("file", v->file, "- for standard input")->required();
  verify->add_option("--key", v->key, "the gateway's public key, or a file that holds it")
      ->required();
  verify->callback([&c, v] { c.chosen = [&c, v] { return verify_pack(c, *v); }; });

  evidence.add_subcommand("key", "the public key that others need")->callback([&c] {
    c.chosen = [&c] {
      return finish(c, daemon_client{c.socket}.get("/v1/evidence-key"), [](const json::object& a) {
        fmt::print("{}\n", std::string{a.at("public_key").as_string()});
      });
    };
  });
}

}  // namespace consentry::app::cli
