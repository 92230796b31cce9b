// Point look-ups a second on one thread, in a store that the page cache holds: the bare LMDB get
// beside what the ledger makes of it.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <functional>
#include <iostream>

#include "bench/consent/measured_store.h"
#include "bench/consent/sample_people.h"

namespace consentry::bench {

namespace {

namespace json = boost::json;
namespace consent = policy::consent;
using steady = std::chrono::steady_clock;

struct lookup_options {
  std::string store;
  std::uint32_t tenant = 1;
  std::uint64_t rows = 1'000'000;
  double seconds = 5;
  bool undisturbed = false;
};

// Brings every page into memory.
void warm_up(const measured_store& store, table t) {
  const auto txn = store.env.begin_read();
  auto at = txn.scan(t);
  std::uint64_t sum = 0;
  while (at.next()) sum += static_cast<unsigned char>(at.value()[0]);
  if (sum == 0) std::cerr << "an empty store\n";
}

class lookups {
 public:
  explicit lookups(const lookup_options& o)
      : options_{o}, store_{o.store}, consents_{store_.env.open_table("consents")} {}

  void run() {
    warm_up(store_, consents_);
    const sample_people people{options_.tenant, options_.rows};
    const auto matter = consent::matter_of(people.sender, people.topic);
    // Keys made beforehand: their making is not what is measured.
    std::vector<std::string> hits, misses;
    for (std::uint64_t i = 0; i < 1U << 20; ++i) {
      const auto person = people.person(mixed(i) % people.count());
      hits.push_back(consent::stored_key(people.tenant(), person, matter));
      auto stranger = person;
      stranger[15] = static_cast<char>(stranger[15] ^ 1);
      misses.push_back(consent::stored_key(people.tenant(), stranger, matter));
    }
    auto half = hits;
    for (std::size_t i = 0; i < half.size(); i += 2) half[i] = misses[i];
    const auto get = [&](const read_txn& txn, const std::string& key) {
      return txn.get(consents_, key).has_value();
    };
    const auto look = [&](const read_txn& txn, const std::string& key) {
      return store_.ledger.look(txn, key).own.has_value();
    };
    const auto find = [&](const read_txn& txn, const std::string& key) {
      const consent::consent_key whole{people.tenant(), key.substr(4, 16), people.sender,
                                       people.topic};
      return store_.ledger.find(txn, whole).has_value();
    };
    json::object out{{"rows", options_.rows}};
    if (options_.undisturbed) out["undisturbed"] = run_undisturbed();
    out["lmdb_get"] = measure(hits, 64, get);
    out["look"] = measure(hits, 64, look);
    out["look_own_transaction"] = measure(hits, 1, look);
    out["look_half_hits"] = measure(half, 64, look);
    out["find_copied"] = measure(hits, 64, find);
    std::cout << out << "\n";
  }

 private:
  // Look-ups a second of this core's time, and by the clock. per_txn: look-ups under one read
  // transaction.
  template <class F>
  json::object measure(const std::vector<std::string>& keys, std::size_t per_txn, F f) {
    std::uint64_t done = 0, found = 0;
    const auto worked_before = thread_time();
    const auto began = steady::now();
    const auto end = began + std::chrono::duration<double>(options_.seconds);
    std::size_t next = 0;
    while (steady::now() < end) {
      for (int round = 0; round < 64; ++round) {
        const auto txn = store_.env.begin_read();
        for (std::size_t i = 0; i < per_txn; ++i, ++done) {
          found += f(txn, keys[next]) ? 1 : 0;
          next = (next + 1) % keys.size();
        }
      }
    }
    const std::chrono::duration<double> took = steady::now() - began;
    if (found == 0) throw configuration_error("nothing was found: another --rows or --tenant?");
    const std::chrono::duration<double> worked = thread_time() - worked_before;
    return {{"per_core_s", static_cast<double>(done) / worked.count()},
            {"per_s", static_cast<double>(done) / took.count()}};
  }

  lookup_options options_;
  measured_store store_;
  table consents_;
};

}  // namespace

void add_lookups(CLI::App& app) {
  auto o = std::make_shared<lookup_options>();
  auto* command = app.add_subcommand("lookups", "point look-ups a second, on one thread");
  command->add_option("store", o->store)->required();
  command->add_option("--tenant", o->tenant);
  command->add_option("--rows", o->rows, "that fill wrote");
  command->add_option("--seconds", o->seconds, "for each measure");
  command->add_flag("--undisturbed", o->undisturbed, "at a priority that nothing else has");
  command->callback([o] { lookups{*o}.run(); });
}

}  // namespace consentry::bench
