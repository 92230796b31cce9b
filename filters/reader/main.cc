// consentry-reader: reads what strangers attach, for the daemon, at the end of a socket that is its
// standard input. It can do nothing else: it opens no file and no connection once it has started.
//
//   consentry-reader MEMORY_MIB CPU_S       answers requests until the socket ends
//   consentry-reader --try CALL             confines itself, then does what it must not; for tests
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "base/confinement.h"
#include "filters/reader/file_text.h"
#include "filters/reader/reader_protocol.h"
#include "filters/reader/reader_warm_up.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}  // it would ptrace
#endif
#endif

namespace {

using namespace consentry::filters;

constexpr int exit_usage = 2;
constexpr int niceness = 5;
constexpr int exit_protocol = 4;

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "consentry-reader: started by consentryd only\n");
    return exit_usage;
  }
  try {
    const bool is_trial = std::string{argv[1]} == "--try";
    consentry::confinement_limits limits;
    if (!is_trial) {
      limits.memory_octets = std::strtoul(argv[1], nullptr, 10) << 20;
      limits.cpu_s = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
    }
    reader::warm_up();
    errno = 0;                                                       // -1 is a niceness as well
    if (::nice(niceness) == -1 && errno != 0) return exit_protocol;  // the daemon comes first
    consentry::confine(limits);
    return is_trial ? consentry::try_call(argv[2]) : serve();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "consentry-reader: %s\n", e.what());
    return exit_protocol;
  }
}
