// Everything that is wrong with a policy's files (RULES E7).
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>
#include <string>
#include <vector>

#include "app/policy_bundle.h"
#include "base/strict_toml.h"

namespace consentry::app {

struct checked_policy {
  // In order of file and line: first what is wrong with the notation; if nothing is, what shows in
  // all files together or in compiling; if nothing does, each sample that fails. Empty: may be
  // activated.
  std::vector<toml_problem> problems;
  std::vector<toml_problem> warnings;           // RULES F4: words without endings
  std::shared_ptr<const active_policy> policy;  // compiled; nullptr with problems
};

// Compiles: seconds at most, never on an I/O thread.
checked_policy check_policy(const policy_bundle& b,
                            const filters::database_cache& cache = filters::database_cache{});

// "file:line:column: text (hint)".
std::string to_line(const toml_problem& p);
boost::json::object to_json(const toml_problem& p);

}  // namespace consentry::app
