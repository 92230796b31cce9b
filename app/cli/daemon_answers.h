// What the commands that ask the daemon share: reading options, printing answers, exit codes.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>

#include "app/cli/commands.h"
#include "app/cli/daemon_client.h"
#include "app/cli/printing.h"

namespace consentry::app::cli {

// Options live as long as the parser: each command keeps its own.
template <class T>
std::shared_ptr<T> kept() {
  return std::make_shared<T>();
}

// One line on stderr; gives the code back.
int complain(const std::string& what, int code);

// Prints the answer: as it came with --json, else by `show`. The exit code says what it was.
template <class Show>
int finish(const context& c, const result<answer>& a, Show show) {
  if (!a) return complain(a.error().public_text, exit_could_not);
  if (c.json)
    print_json(a->body);
  else if (a->is_ok())
    show(a->body.as_object());
  if (!a->is_ok()) complain(a->detail(), 0);
  return a->exit_code();
}

inline void show_fields(const boost::json::object& o) {
  print_fields(o);
}

// The content of a file; "-" is standard input.
result<std::string> read_file(const std::string& name);

// "/v1/tenants/acme/part"
std::string tenant_path(const std::string& tenant, const std::string& part = {});

}  // namespace consentry::app::cli
