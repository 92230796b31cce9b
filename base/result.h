// Operating errors. A function that can fail for reasons outside the program returns result<T>; one
// whose failure would be a bug uses CONSENTRY_CHECK; start-up and configuration errors are
// exceptions (configuration_error), caught in main and printed as one line.
#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>
#include <iosfwd>
#include <stdexcept>
#include <string>

namespace consentry {

enum class failure_kind {
  io,              // the operating system refused or the peer vanished
  timeout,         // a deadline passed
  protocol,        // the peer broke the protocol
  tls,             // handshake or certificate
  dns,             // no trustworthy answer
  storage_full,    // the disk or the map is full: 452, try later
  storage_broken,  // a sync or write failed: nothing can be trusted, 451 and stop
  invalid,         // the input is wrong; public_text names the place
  not_found,
  conflict,     // exists already, or changed meanwhile
  refused,      // a rule or the peer said no
  limit,        // a bound of ours was reached
  unavailable,  // cannot be answered now (shutting down, backend away)
  cancelled,
};

// What a failure speaks about (as in Postfix): how far its consequences reach.
enum class failure_scope { none, session, site, message, recipient };

struct failure {
  failure_kind kind = failure_kind::io;
  bool permanent = false;  // true: trying the same again cannot help
  failure_scope scope = failure_scope::none;
  std::string public_text;    // may be shown to a peer; no secret, no address that is not theirs
  std::string private_cause;  // for the log
};

template <class T>
using result = boost::system::result<T, failure>;

// "timeout", "storage_full", ...: stable, used in logs and JSON.
std::string_view to_string(failure_kind kind) noexcept;

// "kind: public text (private cause)" for logs.
std::string describe(const failure& f);
std::ostream& operator<<(std::ostream& out, const failure& f);

// Found by boost::system::result when value() is called on a failure.
[[noreturn]] void throw_exception_from_error(const failure& f, const boost::source_location& where);

// A wrong setting, pattern file or command line; what() is one line "file:line: text".
class configuration_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace consentry
