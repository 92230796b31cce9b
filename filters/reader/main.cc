// consentry-reader: reads what strangers attach, for the daemon, at the end of a socket that is its
// standard input. It can do nothing else: it opens no file and no connection once it has started.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/confinement.h"
#include "base/result.h"
#include "filters/reader/file_text.h"
#include "filters/reader/reader_protocol.h"
#include "filters/reader/reader_warm_up.h"

namespace {

using namespace consentry::filters;

using consentry::exit_protocol;
constexpr int niceness = 5;

int serve() {
  for (;;) {
    std::string head(reader::frame_head_octets, '\0');
    if (!consentry::read_whole(head.data(), head.size())) return EXIT_SUCCESS;
    const auto octets = reader::request_length(head);
    if (!octets) return exit_protocol;
    std::string body(*octets, '\0');
    if (!consentry::read_whole(body.data(), body.size())) return exit_protocol;
    auto request = reader::decode_request(body);
    if (!request) return exit_protocol;
    body = {};
    if (!consentry::write_whole(reader::encode(reader::read_file(*request)))) return exit_protocol;
  }
}

void prepare() {
  reader::warm_up();
  errno = 0;                                 // -1 is a niceness as well
  if (::nice(niceness) == -1 && errno != 0)  // the daemon comes first
    throw consentry::configuration_error{"nice"};
}

}  // namespace

int main(int argc, char** argv) {
  return consentry::run_confined(argc, argv,
                                 {.name = "consentry-reader", .prepare = prepare, .serve = serve});
}
