// queue_sim: scheduler, pacing and retry in virtual time; the same seed gives the same run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <ctime>

#include "tests/sim/queue_world.h"

int main(int argc, char** argv) {
  CLI::App cli{"mail to many sites in virtual time; exit 1 if something happened that never may"};
  consentry::tests::sim_options o;
  std::size_t runs = 1;
  cli.add_option("--seed", o.seed, "of the first run");
  cli.add_option("--runs", runs, "so many, each with the next seed");
  cli.add_option("--messages", o.messages, "");
  cli.add_option("--sites", o.sites, "");
  cli.add_option("--tenants", o.tenants, "at least 10")->check(CLI::Range(10, 100000));
  cli.add_option("--in-flight", o.in_flight_max, "connections in all");
  CLI11_PARSE(cli, argc, argv);
  bool good = true;
  for (std::size_t i = 0; i < runs; ++i, ++o.seed) {
    const auto cpu = std::clock();
    const auto r = consentry::tests::simulate(o);
    const double took = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    fmt::print(
        "seed {}: {} messages, {} sites, {} virtual hours, {:.1f} s CPU: delivered {}, bounced {}, "
        "expired {}, attempts {}, "
        "deferred {}, parked {}, passes {}, in memory at most {}, in flight {}; small tenants wait "
        "p99 {} ms, worst {} ms\n",
        o.seed, o.messages, o.sites, r.took.count(), took, r.delivered, r.bounced, r.expired,
        r.attempts, r.deferred, r.parked, r.passes, r.most_in_memory, r.most_in_flight,
        r.small_tenant_p99.count(), r.small_tenant_worst.count());
    for (const auto& what : r.broken) fmt::print("  BROKEN {}\n", what);
    good = good && r.broken.empty();
  }
  return good ? 0 : 1;
}
