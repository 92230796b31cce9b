// consentry-spf: evaluates SPF records for the daemon, at the end of a socket that is its standard
// input. It can do nothing else: what it wants to know of the DNS it asks the daemon.
#include <cstdlib>
#include <optional>
#include <string>

#include "base/confinement.h"
#include "smtp/auth/spf/evaluation.h"

namespace {

using namespace consentry::smtp::auth;

using consentry::exit_protocol;

std::optional<spf::spf_message> read_message() {
  std::string head(spf::frame_head_octets, '\0');
  if (!consentry::read_whole(head.data(), head.size())) std::exit(EXIT_SUCCESS);
  const auto octets = spf::body_length(head);
  if (!octets) return std::nullopt;
  std::string body(*octets, '\0');
  if (!consentry::read_whole(body.data(), body.size())) return std::nullopt;
  return spf::decode(body);
}

spf::dns_reply ask_daemon(const spf::dns_question& q) {
  if (!consentry::write_whole(spf::encode(q))) std::exit(exit_protocol);
  auto m = read_message();
  auto* reply = m ? std::get_if<spf::dns_reply>(&*m) : nullptr;
  if (reply == nullptr) std::exit(exit_protocol);
  return std::move(*reply);
}

int serve(spf::spf_library& library) {
  for (;;) {
    const auto m = read_message();
    const auto* request = m ? std::get_if<spf::check_request>(&*m) : nullptr;
    if (request == nullptr) return exit_protocol;
    if (!consentry::write_whole(spf::encode(library.evaluate(*request, ask_daemon))))
      return exit_protocol;
  }
}

// Tables of the C library and of libspf2 that are read from files when first used.
void warm_up(spf::spf_library& library) {
  const spf::dns_asker nobody = [](const spf::dns_question& q) -> spf::dns_reply {
    if (q.type != spf::question_type::txt) return {.found = spf::dns_finding::nothing};
    return {.found = spf::dns_finding::found, .records = {"v=spf1 a mx ?exists:%{ir}.x.test -all"}};
  };
  library.evaluate({.domain = "warm.test", .address = "192.0.2.1"}, nobody);
}

}  // namespace

int main(int argc, char** argv) {
  std::optional<spf::spf_library> library;
  const auto prepare = [&library] { warm_up(library.emplace()); };
  const auto serve_all = [&library] { return serve(*library); };
  return consentry::run_confined(argc, argv,
                                 {.name = "consentry-spf", .prepare = prepare, .serve = serve_all});
}
