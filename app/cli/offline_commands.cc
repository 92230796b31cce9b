#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <vector>

#include "app/cli/commands.h"
#include "app/cli/daemon_client.h"
#include "app/cli/dkim_commands.h"
#include "app/cli/offline_folder.h"
#include "app/cli/printing.h"
#include "app/plain_text_check.h"
#include "app/policy_loading.h"
#include "app/scan_report.h"
#include "base/civil_date.h"
#include "base/confined_process.h"
#include "base/text.h"
#include "filters/confined_reader.h"
#include "smtp/address.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr std::size_t message_bytes_max = 256u << 20;
constexpr std::size_t shown_octets_max = 1u << 20;

struct scan_options {
  std::vector<std::string> files;
  std::string conf;
  bool texts = false;
  bool is_text = false;
};

void show_verdict(const json::object& o) {
  fmt::print("verdict   {}  {}\n", std::string{o.at("verdict").as_string()},
             std::string{o.at("text").as_string()});
  fmt::print("reason    {} {}\n", std::string{o.at("reason").as_string()},
             std::string{o.at("rule").as_string()});
}

void show_findings(const json::object& o) {
  if (o.at("findings").as_array().empty()) return;
  fmt::print("findings\n");
  print_table(o.at("findings").as_array(),
              {"category", "score", "zone", "part", "begin", "end", "pattern", "matched", "note"});
}

void show_scan(const json::object& o) {
  show_verdict(o);
  fmt::print("parts\n");
  print_table(o.at("parts").as_array(), {"path", "type", "charset", "transfer_encoding",
                                         "disposition", "file_name", "bytes"});
  show_findings(o);
  for (const auto& u : o.at("unscannable").as_array())
    fmt::print("unreadable: {}\n", std::string{u.as_string()});
  for (const auto& p : o.at("problems").as_array())
    fmt::print("odd: {}\n", std::string{p.as_string()});
}

// All that the patterns were sought in, attachments too, each text with its place.
json::array scanned_texts(const smtp::mime::walked_message& mail,
                          const filters::attachment_access& access) {
  json::array out;
  for (const auto& t : filters::gather_texts(mail, {}, access).texts)
    out.push_back(json::object{{"part", to_valid_utf8(t.part)},
                               {"zone", filters::to_string(t.where)},
                               {"text", to_valid_utf8(t.seen.substr(0, shown_octets_max))}});
  return out;
}

// One message or text, scanned; throws configuration_error where it cannot be read at all.
class offline_scan {
 public:
  explicit offline_scan(const scan_options& o) : options_{o} {
    const auto conf = conf_folder(o.conf);
    active_ = load_policy(conf / "policy/default.toml", conf / "patterns");
    if (o.is_text) return;
    const auto program = find_own_program("consentry-reader");
    std::error_code error;
    if (fs::exists(program, error))
      reader_.emplace(filters::reader_options{.program = program});
    else
      std::fprintf(stderr, "consentry: no consentry-reader beside it: attachments are not read\n");
  }

  json::object report(const std::string& file) {
    const auto data = read_input(file, message_bytes_max);
    return options_.is_text ? text(file, data) : mail(file, data);
  }

 private:
  json::object text(const std::string& file, const std::string& data) const {
    const auto reading = read_text(data, *active_->patterns);
    if (!reading) throw configuration_error(file + ": " + reading.error().public_text);
    const auto v = judge_content(*active_->set, *reading, system_wall_clock{}.now());
    return text_report(*reading, v);
  }

  json::object mail(const std::string& file, const std::string& data) {
    const auto access = access_to_attachments(reader_ ? &*reader_ : nullptr, active_->set->rules);
    const auto reading = read_message(data, *active_->patterns, {}, access);
    if (!reading) throw configuration_error(file + ": " + reading.error().public_text);
    const auto v = judge_content(*active_->set, *reading, system_wall_clock{}.now());
    auto out = scan_report(*reading, v, options_.texts);
    if (options_.texts) out["texts"] = scanned_texts(reading->mail, access);
    return out;
  }

  const scan_options& options_;
  std::shared_ptr<const active_policy> active_;
  std::optional<filters::confined_reader> reader_;
};

void show_report(const context& c, const scan_options& o, const json::object& report) {
  if (c.json) {
    print_json(report);
  } else if (o.is_text) {
    show_verdict(report);
    show_findings(report);
  } else {
    show_scan(report);
  }
}

// Many files: a line of JSON each, or a heading before each; those that cannot be read are named
// and passed over.
int run_bulk_scan(const context& c, const scan_options& o, offline_scan& scan) {
  int code = exit_done;
  for (const auto& file : o.files) {
    try {
      auto report = scan.report(file);
      report["file"] = to_valid_utf8(file);
      if (c.json) {
        fmt::print("{}\n", json::serialize(report));
        continue;
      }
      fmt::print("{}{}\n", &file == o.files.data() ? "" : "\n", file);
      show_report(c, o, report);
    } catch (const configuration_error& e) {
      std::fprintf(stderr, "consentry: %s\n", e.what());
      code = exit_no;
    }
  }
  return code;
}

int run_scan(const context& c, const scan_options& o) {
  offline_scan scan{o};
  if (o.files.size() > 1) return run_bulk_scan(c, o, scan);
  show_report(c, o, scan.report(o.files.front()));
  return exit_done;
}

int run_address_check(const context& c, const std::string& address) {
  const auto parsed = smtp::mailbox::parse(address);
  json::object o{{"taken", parsed.has_value()}};
  if (parsed) {
    o["key"] = parsed->key();
    o["domain"] = parsed->ascii_domain();
    o["smtputf8"] = !parsed->is_ascii();
  } else {
    o["reason"] = parsed.error().public_text;
  }
  if (c.json)
    print_json(o);
  else if (parsed)
    fmt::print("taken; key {}\n", parsed->key());
  if (!parsed) std::fprintf(stderr, "consentry: %s\n", parsed.error().public_text.c_str());
  return parsed ? exit_done : exit_no;
}

int run_last_day(const context& c, const std::string& text, int months) {
  auto day = parse_date(text);
  if (!day)
    if (const auto t = parse_timestamp(text)) day = budapest_day(*t);
  if (!day)
    throw CLI::ValidationError(
        "DATE", "must be YYYY-MM-DD, or a timestamp: \"" + printable(text, 80) + "\"");
  const auto last = add_months(*day, months);
  if (c.json)
    print_json(
        json::object{{"date", to_string(*day)}, {"months", months}, {"last_day", to_string(last)}});
  else
    fmt::print("{}\n", to_string(last));
  return exit_done;
}

}  // namespace

std::string read_input(const std::string& file, std::size_t bytes_max) {
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  std::istream& in = file == "-" ? std::cin : opened;
  if (!in || fs::is_directory(file)) throw configuration_error(file + ": cannot be read");
  std::string content;
  std::vector<char> block(1u << 16);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0) {
    content.append(block.data(), static_cast<std::size_t>(in.gcount()));
    if (content.size() > bytes_max)  // looked at on the way: the file may have no end
      throw configuration_error(file + ": larger than " + human_bytes(bytes_max));
  }
  return content;
}

void add_offline_commands(CLI::App& app, context& c) {
  auto scan = std::make_shared<scan_options>();
  auto* s = app.add_subcommand("scan", "decode and scan a message: parts, findings, verdict");
  s->add_option("file", scan->files,
                "message, - for standard input; several: with --json a line for each")
      ->required();
  s->add_flag("--text", scan->is_text, "it is a plain text, such as an SMS, and no mail");
  s->add_option("--conf", scan->conf, "folder with policy/ and patterns/");
  s->add_flag("--texts", scan->texts,
              "with --json: the decoded texts too, those of attachments among them");
  s->callback([&c, scan] { c.chosen = [&c, scan] { return run_scan(c, *scan); }; });

  auto text = std::make_shared<std::string>();
  auto* address = app.add_subcommand("address", "addresses")->require_subcommand(1);
  auto* check =
      address->add_subcommand("check", "is it an address we take? exit 0 taken, 1 refused");
  check->add_option("address", *text, "behind --")->required();
  check->callback([&c, text] { c.chosen = [&c, text] { return run_address_check(c, *text); }; });

  add_arf_commands(app, c);

  auto months = std::make_shared<int>(12);
  auto* last = app.get_subcommand("consent")->add_subcommand(
      "last-day", "the last day on which a consent of DATE holds");
  last->add_option("date", *text, "YYYY-MM-DD")->required();
  last->add_option("--months", *months, "")
      ->capture_default_str()
      ->check(CLI::Range(-12000, 12000));
  last->callback([&c, text, months] {
    c.chosen = [&c, text, months] { return run_last_day(c, *text, *months); };
  });

  add_dkim_commands(app, c);
}

}  // namespace consentry::app::cli
