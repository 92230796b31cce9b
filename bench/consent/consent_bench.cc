// Measures the consent ledger on a store of its own. Each subcommand prints one JSON object.
// scripts/bench consent runs them; a new measure is a file beside this one and a line below.
#include <CLI/CLI.hpp>
#include <iostream>

#include "bench/consent/measured_store.h"

int main(int argc, char** argv) {
  CLI::App app{"Measures the consent ledger on a store of its own"};
  app.require_subcommand(1);
  consentry::bench::add_fill(app);
  consentry::bench::add_size(app);
  consentry::bench::add_lookups(app);
  consentry::bench::add_verdicts(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::cerr << "consent_bench: " << e.what() << "\n";
    return 3;
  }
  return 0;
}
