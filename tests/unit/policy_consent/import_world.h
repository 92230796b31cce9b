// A file to import, its plan as rows, and what the ledger makes of it.
#pragma once

#include <fstream>
#include <random>

#include "policy/consent/import.h"
#include "policy/consent/import_rows.h"
#include "policy/consent/import_run.h"
#include "tests/unit/policy_consent/consent_world.h"

namespace consentry::policy::consent::tests {

inline const std::string import_header = "email,topic,given_at,method,provenance,notice_hash";

inline import_request request(import_format format = import_format::csv) {
  return {.tenant = tenant_id{1},
          .default_sender = "Shop Kft.",
          .importer = "anna",
          .source = "list.csv",
          .format = format,
          .now = *parse_timestamp("2026-03-15T12:00:00")};
}

// Persons are called as the local part of their address; `known` is stored already.
inline import_lookup lookup(const std::string& known = "") {
  return {
      .pseudonym =
          [](std::string_view a, std::span<char, 16> out) {
            std::ranges::copy(person(a.substr(0, a.find('@'))), out.begin());
          },
      .is_stored = [known](std::string_view p) { return !known.empty() && p == person(known); }};
}

struct rejected_row {
  std::uint64_t line = 0;
  std::string reason, text, row;
};

// A plan with its files.
struct planned {
  std::shared_ptr<consentry::tests::temp_folder> folder =
      std::make_shared<consentry::tests::temp_folder>();
  import_plan plan;

  std::vector<import_row> rows(const import_request& r = request()) const {
    std::vector<import_row> out;
    run_merge merge{plan.runs};
    while (merge.next()) merge.row().decode(r, out.emplace_back());
    return out;
  }
  std::string rejects() const {
    std::ifstream in{folder->path() / rejects_file};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  // The reject file as a reader of CSV sees it.
  std::vector<rejected_row> refused() const {
    const auto text = rejects();
    file_layout layout;
    layout.order = {column::email, column::topic, column::method, column::evidence};
    const import_limits limits{.row_bytes_max = 1u << 20};
    const auto reader = make_row_reader(text, 1, layout, limits);
    raw_row raw;
    std::vector<rejected_row> out;
    reader->next(raw);
    CHECK(raw.text == "line,reason,text,row");
    while (reader->next(raw))
      out.push_back({std::stoull(std::string{raw[column::email]}), std::string{raw[column::topic]},
                     std::string{raw[column::method]}, std::string{raw[column::evidence]}});
    return out;
  }
};

inline result<planned> plan_text(const std::string& text, const import_request& r = request(),
                                 const import_lookup& l = lookup(),
                                 const import_limits& limits = {}) {
  planned out;
  const auto file = out.folder->path() / "file";
  std::ofstream{file, std::ios::binary} << text;
  auto plan = plan_import(file, out.folder->path(), r, l, limits);
  if (!plan) return plan.error();
  out.plan = std::move(*plan);
  return out;
}

// Runs each operation twice, as the writer may: what counts is the run that is committed.
inline submit_slice submit_twice(world& w) {
  return [&w](commit_loop::operation op) {
    {
      auto dropped = w.env.begin_write();
      op(dropped);
    }
    w.write([&](write_txn& txn) { op(txn); });
    std::promise<result<void>> done;
    done.set_value(result<void>{});
    return done.get_future();
  };
}

inline import_summary import_into(world& w, const std::string& text,
                                  const import_request& r = request(),
                                  const apply_options& options = {}) {
  const auto p = plan_text(text, r);
  REQUIRE(p.has_value());
  const auto done = apply_import(p->plan.runs, r, w.ledger, submit_twice(w), options);
  REQUIRE(done.has_value());
  CHECK(done->rows == p->plan.taken);
  return done->sum;
}

}  // namespace consentry::policy::consent::tests
