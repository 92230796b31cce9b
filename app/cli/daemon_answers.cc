#include "app/cli/daemon_answers.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/text.h"

namespace consentry::app::cli {

int complain(const std::string& what, int code) {
  std::fprintf(stderr, "consentry: %s\n", printable(what, 1000).c_str());
  return code;
}

result<std::string> read_file(const std::string& name) {
  std::string content;
  if (name == "-") return std::string{std::istreambuf_iterator<char>{std::cin}, {}};
  std::ifstream in{name, std::ios::binary};
  std::error_code error;
  if (!in || std::filesystem::is_directory(name, error))
    return failure{.kind = failure_kind::not_found, .public_text = name + ": cannot be read"};
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

std::string tenant_path(const std::string& tenant, const std::string& part) {
  return "/v1/tenants/" + path_segment(tenant) + (part.empty() ? "" : "/" + part);
}

}  // namespace consentry::app::cli
