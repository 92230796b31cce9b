// How a store grows: plain records of one tenant, written in slices, and what they take on disk.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>

#include "bench/consent/measured_store.h"
#include "bench/consent/sample_people.h"

namespace consentry::bench {

namespace {

namespace json = boost::json;

struct fill_options {
  std::string store;
  std::uint32_t tenant = 1;
  std::uint64_t rows = 1'000'000;
  std::uint64_t slice_rows = 2000;
};

void fill(const fill_options& o) {
  measured_store store{o.store};
  commit_loop commits{store.env, {}, [](const failure&) {}};
  slice_filler filler{store, commits, o.tenant, o.rows, o.slice_rows};
  const auto began = std::chrono::steady_clock::now();
  while (filler.write_one()) {
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  commits.stop();
  std::cout << json::object{{"rows", o.rows},
                            {"seconds", took.count()},
                            {"rows_per_s", static_cast<double>(o.rows) / took.count()}}
            << "\n";
}

void size(const std::string& folder) {
  measured_store store{folder};
  const auto txn = store.env.begin_read();
  json::object tables;
  std::uint64_t sum = 0;
  for (const auto* name :
       {"consents", "persons", "consent_terms", "evidence_uses", "journal_by_person"}) {
    const auto t = store.env.open_table(name);
    sum += txn.bytes(t);
    tables[name] = json::object{{"rows", txn.entries(t)}, {"bytes", txn.bytes(t)}};
  }
  const auto records = txn.entries(store.env.open_table("consents"));
  const auto journal = txn.bytes(store.env.open_table("journal"));
  std::uint64_t addresses = 0;
  for (std::uint64_t i = 0; i < 10'000; ++i) addresses += sample_people::address(i).size();
  std::cout << json::object{{"records", records},
                            {"bytes_per_record",
                             static_cast<double>(sum) / static_cast<double>(records)},
                            {"address_length", static_cast<double>(addresses) / 10'000},
                            {"tables", std::move(tables)},
                            {"journal_bytes", journal},
                            {"file_bytes", store.env.file_bytes()}}
            << "\n";
}

}  // namespace

void add_fill(CLI::App& app) {
  auto o = std::make_shared<fill_options>();
  auto* command = app.add_subcommand("fill", "writes plain records of a tenant, in slices");
  command->add_option("store", o->store)->required();
  command->add_option("--tenant", o->tenant);
  command->add_option("--rows", o->rows);
  command->add_option("--slice-rows", o->slice_rows);
  command->callback([o] { fill(*o); });
}

void add_size(CLI::App& app) {
  auto folder = std::make_shared<std::string>();
  auto* command = app.add_subcommand("size", "what the records take on disk");
  command->add_option("store", *folder)->required();
  command->callback([folder] { size(*folder); });
}

}  // namespace consentry::bench
