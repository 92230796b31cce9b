// consentry store compact|snapshot
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "app/cli/daemon_answers.h"
#include "base/text.h"

namespace consentry::app::cli {
namespace {

namespace json = boost::json;

struct store_command_options {
  std::string folder;
  bool only_status = false, in_background = false;
};

void show_progress(const json::object& a) {
  const auto* step = a.if_contains("step");
  const auto number = [&](const char* name) {
    const auto* n = a.if_contains(name);
    return n != nullptr ? n->to_number<std::uint64_t>() : 0;
  };
  std::fprintf(stderr, "\r%s %llu of %llu entries  ",
               step != nullptr ? std::string{step->as_string()}.c_str() : "waiting",
               static_cast<unsigned long long>(number("entries")),
               static_cast<unsigned long long>(number("entries_total")));
}

int run_compact(const context& c, const store_command_options& o) {
  const daemon_client daemon{c.socket};
  const std::string where = "/v1/store/compact";
  auto a = o.only_status ? daemon.get(where) : daemon.post(where, json::object{});
  if (o.only_status || o.in_background || !a || !a->is_ok()) return finish(c, a, show_fields);
  while (a && a->is_ok() && a->body.at("running").as_bool()) {
    if (!c.json) show_progress(a->body.as_object());
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
    a = daemon.get(where);
  }
  if (!c.json) std::fprintf(stderr, "\n");
  const int code = finish(c, a, show_fields);
  if (code != exit_done) return code;
  const auto* last = a->body.as_object().if_contains("last");
  return last != nullptr && last->at("done").as_bool() ? exit_done : exit_could_not;
}

int run_snapshot(const context& c, const store_command_options& o) {
  const auto folder = std::filesystem::absolute(o.folder).lexically_normal().string();
  return finish(c, daemon_client{c.socket}.post("/v1/store/snapshot", {{"folder", folder}}),
                [](const json::object& a) {
                  fmt::print("{}: {}, {} spool segments, journal up to {}\n",
                             std::string{a.at("folder").as_string()},
                             human_bytes(a.at("bytes").to_number<std::uint64_t>()),
                             a.at("segments").to_number<std::uint64_t>(),
                             a.at("journal_last").to_number<std::uint64_t>());
                });
}

}  // namespace

void add_store_commands(CLI::App& app, context& c) {
  auto* group = app.add_subcommand("store", "the store's files: compaction, snapshots")
                    ->require_subcommand(1);
  auto o = kept<store_command_options>();
  auto* compact = group->add_subcommand(
      "compact", "new files without the bytes of what was erased; mail goes on meanwhile");
  compact->add_flag("--status", o->only_status, "only tell how it stands");
  compact->add_flag("--background", o->in_background, "do not wait for the end");
  compact->callback([&c, o] { c.chosen = [&c, o] { return run_compact(c, *o); }; });
  auto* snapshot = group->add_subcommand("snapshot", "a copy that can be started, in a new folder");
  snapshot->add_option("folder", o->folder, "written by the daemon, as its user")->required();
  snapshot->callback([&c, o] { c.chosen = [&c, o] { return run_snapshot(c, *o); }; });
}

}  // namespace consentry::app::cli
