// consentry arf parse: what a complaint report says (RFC 5965), without store or daemon.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/commands.h"
#include "app/cli/dkim_commands.h"
#include "app/cli/printing.h"
#include "app/key_store.h"
#include "base/text.h"
#include "reputation/feedback_report.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;
using reputation::feedback_report;

constexpr std::size_t message_bytes_max = 64u << 20;

struct arf_options {
  std::vector<std::string> files;
  std::string keys;  // folder; empty: tokens are not verified
};

std::string_view name_of(smtp::token_purpose place) noexcept {
  switch (place) {
    case smtp::token_purpose::return_path:
      return "return_path";
    case smtp::token_purpose::message_id:
      return "message_id";
    case smtp::token_purpose::unsubscribe:
      return "unsubscribe";
    case smtp::token_purpose::feedback:
      return "feedback_id";
    default:
      return "other";
  }
}

json::array list(const std::vector<std::string>& texts) {
  json::array a;
  for (const auto& t : texts) a.emplace_back(to_valid_utf8(t));
  return a;
}

json::array shown(const reputation::token_candidates& tokens) {
  json::array a;
  for (const auto& t : tokens)
    a.push_back(json::object{{"token", t.text}, {"place", name_of(t.purpose)}});
  return a;
}

// What names the mail that is complained about.
json::object reported_ids(const feedback_report& r) {
  json::object ids;
  for (const auto& [name, header] : {std::pair{"message_id", "Message-ID"},
                                     {"feedback_id", "Feedback-ID"},
                                     {"cfbl_feedback_id", "CFBL-Feedback-ID"},
                                     {"list_id", "List-ID"}})
    if (const auto value = r.original_header(header); !value.empty())
      ids[name] = to_valid_utf8(trim(value));
  for (const auto& [name, value] : r.other_fields)
    if (name == "original-envelope-id") ids["envelope_id"] = to_valid_utf8(trim(value));
  return ids;
}

// The first candidate; with the keys at hand, the one that is ours.
struct token_found {
  std::string text;
  std::optional<recipient_id> recipient;
};
token_found token_of(const feedback_report& r, const smtp::token_ring* ring) {
  if (ring != nullptr)
    for (const auto& t : r.tokens)
      if (const auto id = ring->read(t.text, t.purpose)) return {t.text, id};
  return {r.tokens.empty() ? std::string{} : r.tokens.front().text, {}};
}

// RULES C2, C3, as far as the mail itself tells. What only the gateway knows is named, not guessed.
std::pair<bool, std::string> weigh(const feedback_report& r, const token_found& token,
                                   bool has_keys) {
  const auto type = "type " + printable(r.type, 100);
  if (r.type == "not-spam") return {false, type + " takes a complaint back"};
  if (!reputation::is_complaint(r.type)) return {false, type + " does not count"};
  if (has_keys && !token.recipient) return {false, "no token of ours in it"};
  const auto still = has_keys ? "" : token.text.empty() ? "a token of ours, " : "its token, ";
  return {true, type + " counts; " + still + "the reporter's signature and the mail's age" +
                    " are checked by the gateway"};
}

json::object shown(const feedback_report& r, const smtp::token_ring* ring) {
  const auto token = token_of(r, ring);
  const auto [counts, why] = weigh(r, token, ring != nullptr);
  json::object o{{"type", to_valid_utf8(r.type)},
                 {"counts", counts},
                 {"why", why},
                 {"token", token.text},
                 {"tokens", shown(r.tokens)},
                 {"reported_ids", reported_ids(r)},
                 {"version", to_valid_utf8(r.version)},
                 {"user_agent", to_valid_utf8(r.user_agent)},
                 {"original_mail_from", to_valid_utf8(r.original_mail_from)},
                 {"original_rcpt_to", list(r.original_rcpt_to)},
                 {"arrival_date", to_valid_utf8(r.arrival_date)},
                 {"source_ip", to_valid_utf8(r.source_ip)},
                 {"reporting_mta", to_valid_utf8(r.reporting_mta)},
                 {"incidents", r.incidents},
                 {"reported_domain", list(r.reported_domain)},
                 {"reported_uri", list(r.reported_uri)},
                 {"authentication_results", list(r.authentication_results)}};
  if (token.recipient) o["recipient"] = to_string(*token.recipient);
  json::object original;
  for (const char* name : {"Message-ID", "From", "To", "Subject", "Date"})
    if (const auto value = r.original_header(name); !value.empty())
      original[name] = to_valid_utf8(value);
  o["original_headers"] = std::move(original);
  return o;
}

int run_parse(const context& c, const arf_options& o) {
  const auto ring = o.keys.empty() ? nullptr : read_token_ring(o.keys);
  for (const auto& file : o.files) {
    const auto mail = smtp::mime::walk(read_input(file, message_bytes_max));
    const auto parsed = reputation::parse_feedback(mail);
    json::array reports;
    for (const auto& r : parsed.reports) reports.push_back(shown(r, ring.get()));
    json::object all{{"reports", reports}, {"problems", list(parsed.problems)}};
    // What a person forwards is no report, but it may hold a token.
    if (reports.empty()) all["tokens"] = shown(reputation::tokens_of(mail));
    if (o.files.size() > 1) all["file"] = to_valid_utf8(file);
    if (c.json && o.files.size() > 1) {
      fmt::print("{}\n", json::serialize(all));
    } else if (c.json) {
      print_json(all);
    } else {
      for (const auto& r : reports) print_fields(r.as_object());
      if (reports.empty()) fmt::print("no feedback report in it\n");
    }
  }
  return exit_done;
}

}  // namespace

void add_arf_commands(CLI::App& app, context& c) {
  auto o = std::make_shared<arf_options>();
  auto* arf = app.add_subcommand("arf", "complaint reports")->require_subcommand(1);
  auto* parse = arf->add_subcommand("parse", "read a feedback report (RFC 5965)");
  parse->add_option("file", o->files, "message, - for standard input; several: a line each")
      ->required();
  parse->add_option("--keys", o->keys, "folder with token.N.key: tokens are verified, too");
  parse->callback([&c, o] { c.chosen = [&c, o] { return run_parse(c, *o); }; });
}

}  // namespace consentry::app::cli
