#include "base/result.h"

#include <cstdio>
#include <cstdlib>
#include <ostream>

#include "base/check.h"

namespace consentry {

void check_failed(const char* file, int line, std::string_view what) noexcept {
  std::fprintf(stderr, "%s:%d: %.*s\n", file, line, static_cast<int>(what.size()), what.data());
  std::fflush(stderr);
  std::abort();
}

std::string_view to_string(failure_kind kind) noexcept {
  switch (kind) {
    case failure_kind::io:
      return "io";
    case failure_kind::timeout:
      return "timeout";
    case failure_kind::protocol:
      return "protocol";
    case failure_kind::tls:
      return "tls";
    case failure_kind::dns:
      return "dns";
    case failure_kind::storage_full:
      return "storage_full";
    case failure_kind::storage_broken:
      return "storage_broken";
    case failure_kind::invalid:
      return "invalid";
    case failure_kind::not_found:
      return "not_found";
    case failure_kind::conflict:
      return "conflict";
    case failure_kind::refused:
      return "refused";
    case failure_kind::limit:
      return "limit";
    case failure_kind::unavailable:
      return "unavailable";
    case failure_kind::cancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string describe(const failure& f) {
  std::string s{to_string(f.kind)};
  if (!f.public_text.empty()) s += ": " + f.public_text;
  if (!f.private_cause.empty()) s += " (" + f.private_cause + ")";
  return s;
}

std::ostream& operator<<(std::ostream& out, const failure& f) {
  return out << describe(f);
}

void throw_exception_from_error(const failure& f, const boost::source_location& where) {
  throw std::runtime_error(describe(f) + " at " + where.file_name() + ":" +
                           std::to_string(where.line()));
}

}  // namespace consentry
