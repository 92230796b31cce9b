// How long the ledger's part of a verdict takes: what a judge is shown of one recipient, with a
// transaction of its own and with deliveries waiting in the renewal buffer; alone, and while an
// import writes slices into the same store.
#include <CLI/CLI.hpp>
#include <atomic>
#include <boost/json.hpp>
#include <iostream>
#include <thread>

#include "bench/consent/measured_store.h"
#include "bench/consent/sample_people.h"

namespace consentry::bench {

namespace {

namespace json = boost::json;
using steady = std::chrono::steady_clock;

struct verdict_options {
  std::string store;
  std::uint32_t tenant = 1;
  std::uint64_t rows = 1'000'000;
  std::uint64_t pending = 100'000;
  std::uint64_t slice_rows = 2000;
  double seconds = 10;
  bool undisturbed = false;
};

void fill_buffer(measured_store& store, const sample_people& people, std::uint64_t pending) {
  for (std::uint64_t i = 0; i < pending; ++i) {
    const auto key = people.key(mixed(i) % people.count());
    journal::event e;
    e.kind = journal::event_kind::delivered;
    e.at = from_ms(1'767'300'000'000);
    e.tenant = key.tenant;
    e.recipient = {i + 1};
    e.stream = smtp::stream::bulk;
    e.person = key.person;
    e.topic = key.topic;
    e.facts["sender"] = key.sender;
    store.renewals.observe({i + 1}, e);
  }
}

json::object ask(const verdict_options& o, measured_store& store, const sample_people& people) {
  latencies all;
  std::uint64_t found = 0;
  const auto began = steady::now();
  const auto end = began + std::chrono::duration<double>(o.seconds);
  std::uint64_t n = 0;
  for (auto before = began; before < end; ++n) {
    const auto key = people.key(mixed(n) % people.count());
    before = steady::now();
    {
      const auto txn = store.env.begin_read();
      found += store.renewals.find(txn, key).has_value() ? 1 : 0;
    }
    all.add(steady::now() - before);
  }
  if (found != n) throw configuration_error("a recipient was not found");
  return {{"asked", n},
          {"p50_us", all.us(0.5)},
          {"p99_us", all.us(0.99)},
          {"p999_us", all.us(0.999)},
          {"worst_us", all.us(1)}};
}

void verdicts(const verdict_options& o) {
  measured_store store{o.store};
  const sample_people people{o.tenant, o.rows};
  fill_buffer(store, people, o.pending);
  ask({.seconds = 2}, store, people);  // warm
  json::object out{{"rows", o.rows}, {"pending", store.renewals.pending()}};
  // The import's threads inherit it: they are to be in the way.
  if (o.undisturbed) out["undisturbed"] = run_undisturbed();
  out["alone"] = ask(o, store, people);
  commit_loop commits{store.env, {}, [](const failure&) {}};
  std::atomic<bool> is_over = false;
  std::atomic<std::uint64_t> slices = 0;
  std::thread import{[&] {
    for (std::uint32_t tenant = 1'000'000; !is_over; ++tenant) {
      slice_filler filler{store, commits, tenant, 10'000'000, o.slice_rows};
      while (!is_over && filler.write_one()) ++slices;
    }
  }};
  const auto began = steady::now();
  out["while_importing"] = ask(o, store, people);
  const std::chrono::duration<double> took = steady::now() - began;
  is_over = true;
  import.join();
  commits.stop();
  out["imported_rows_per_s"] = static_cast<double>(slices * o.slice_rows) / took.count();
  std::cout << out << "\n";
}

}  // namespace

void add_verdicts(CLI::App& app) {
  auto o = std::make_shared<verdict_options>();
  auto* command = app.add_subcommand("verdicts", "the ledger's part of a verdict, in microseconds");
  command->add_option("store", o->store)->required();
  command->add_option("--tenant", o->tenant);
  command->add_option("--rows", o->rows, "that fill wrote");
  command->add_option("--pending", o->pending, "deliveries that are not applied yet");
  command->add_option("--slice-rows", o->slice_rows);
  command->add_option("--seconds", o->seconds);
  command->add_flag("--undisturbed", o->undisturbed,
                    "ask and import at a priority that nothing else has");
  command->callback([o] { verdicts(*o); });
}

}  // namespace consentry::bench
