// Runs conversations written down as RFCs print them (tests/dialogs/README.md) against a real
// session over memory.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "smtp/server/gatekeeper.h"

namespace consentry::tests {

// What a dialog talks to, with directives of its own.
class dialog_world {
 public:
  virtual ~dialog_world() = default;
  virtual smtp::server::gatekeeper& gate() = 0;
  // A directive that the runner does not know: for "@refuse rcpt a@b 550 ..." name is "refuse". All
  // bytes the client sent before it have been answered by then. Empty: done; else what is wrong,
  // and the dialog fails.
  virtual std::string directive(std::string_view name, std::string_view rest) = 0;
};

// One world a file; it may use the io_context, which one thread runs while the session has
// something to do.
using world_factory = std::function<std::unique_ptr<dialog_world>(boost::asio::io_context&)>;

struct dialog_result {
  bool passed = false;
  std::string failure;     // "file:line: expected ..., got ..."
  std::string transcript;  // what was said until then
};

// read_max: octets that the session gets per read, to try every split of what is sent.
dialog_result run_dialog(const std::filesystem::path& file, const world_factory& make_world,
                         std::size_t read_max = 1 << 20);

// \r \n \t \0 \\ \" \xNN; surrounding quotes are removed.
std::string unescape(std::string_view text);

}  // namespace consentry::tests
