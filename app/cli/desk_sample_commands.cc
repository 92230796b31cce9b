// consentry policy samples list | remove: what the desk decided of held mail.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "app/cli/daemon_answers.h"
#include "app/cli/policy_groups.h"
#include "base/result.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct sample_options {
  std::string tenant, fingerprint, reason;
};

// Letters that Hungarian has and English has not.
std::string language_of(std::string_view mail) {
  for (const std::string_view letter :
       {"\xC5\x91", "\xC5\xB1", "=C5=91", "=C5=B1", "\xC3\xA1", "=C3=A1"})
    if (mail.find(letter) != std::string_view::npos) return "hu";
  return "en";
}

// All pages.
result<answer> all_samples(const context& c, bool with_mail) {
  json::array all;
  std::string after;
  for (;;) {
    auto page = daemon_client{c.socket}.get(
        target("/v1/policy/samples",
               {{"after", after}, {"mail", with_mail ? "true" : ""}, {"limit", "20"}}));
    if (!page || !page->is_ok()) return page;
    for (auto& s : page->body.at("samples").as_array()) all.push_back(std::move(s));
    const auto* next = page->body.as_object().if_contains("next");
    if (next == nullptr) {
      page->body = json::object{{"samples", std::move(all)}};
      return page;
    }
    after = std::string{next->as_string()};
  }
}

}  // namespace

std::vector<labelled_message> samples_of_desk(const context& c) {
  const auto a = all_samples(c, true);
  if (!a) throw configuration_error(a.error().public_text);
  if (!a->is_ok()) throw configuration_error(a->detail());
  std::vector<labelled_message> out;
  for (const auto& v : a->body.at("samples").as_array()) {
    const auto text = [&](const char* name) { return std::string{v.at(name).as_string()}; };
    auto mail = parse_base64(text("mail")).value_or("");
    const auto language = language_of(mail);
    out.push_back({.id = text("tenant") + "/" + text("message"),
                   .label = text("label"),
                   .language = language,
                   .also = {},
                   .mail = std::move(mail)});
  }
  return out;
}

void add_desk_sample_commands(CLI::App& policy, context& c) {
  auto* group =
      policy.add_subcommand("samples", "what the desk decided of mail held for its content")
          ->require_subcommand(1);
  auto o = kept<sample_options>();
  auto* list = group->add_subcommand("list", "released is clean, purged is what held it");
  list->callback([&c] {
    c.chosen = [&c] {
      return finish(c, all_samples(c, false), [](const json::object& a) {
        print_table(a.at("samples").as_array(),
                    {"tenant", "fingerprint", "message", "at", "label", "actor", "reason"});
      });
    };
  });
  auto* remove = group->add_subcommand("remove", "a decision that was no judgement of the content");
  remove->add_option("tenant", o->tenant, "")->required();
  remove->add_option("fingerprint", o->fingerprint, "")->required();
  remove->add_option("--reason", o->reason, "")->required();
  remove->callback([&c, o] {
    c.chosen = [&c, o] {
      return finish(c,
                    daemon_client{c.socket}.remove("/v1/policy/samples/" + path_segment(o->tenant) +
                                                       "/" + path_segment(o->fingerprint),
                                                   o->reason),
                    show_fields);
    };
  });
}

}  // namespace consentry::app::cli
