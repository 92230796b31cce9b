// Stands in for the SPF process and does what the domain's first label says: crash, hang, garbage,
// a huge frame, a word that is not its to say, half an answer, questions without end.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "smtp/auth/spf/spf_protocol.h"

namespace {

using namespace consentry::smtp::auth::spf;

bool read_all(std::string& to) {
  for (std::size_t at = 0; at < to.size();) {
    const auto got = ::read(0, to.data() + at, to.size() - at);
    if (got <= 0) return false;
    at += static_cast<std::size_t>(got);
  }
  return true;
}

spf_message hear() {
  std::string head(frame_head_octets, '\0');
  if (!read_all(head)) std::exit(0);
  std::string body(body_length(head).value(), '\0');
  if (!read_all(body)) std::exit(0);
  return decode(body).value();
}

void say(const std::string& bytes) {
  if (::write(0, bytes.data(), bytes.size()) < 0) std::exit(1);
}

void answer(const std::string& how) {
  if (how == "crash") {
    ::signal(SIGSEGV, SIG_DFL);  // the sanitizers' handler would end it in order
    ::raise(SIGSEGV);
  }
  if (how == "exit") std::exit(7);
  if (how == "hang")
    for (;;) ::pause();
  if (how == "garbage") return say("HTTP/1.1 200 OK\r\n\r\n");
  if (how == "huge") return say("CSP1\xff\xff\xff\xff");
  if (how == "wrong-kind") return say(encode(check_request{.domain = "x", .address = "y"}));
  if (how == "half") {
    say(std::string{"CSP1\0\0\1\0abc", 11});
    std::exit(0);
  }
  if (how == "curious")
    for (int n = 0;; ++n) {
      say(encode(
          dns_question{.name = "n" + std::to_string(n) + ".test", .type = question_type::a}));
      hear();
    }
  say(encode(check_verdict{.result = spf_result::pass, .why = {}}));
}

}  // namespace

int main() {
  for (;;) {
    const auto request = std::get<check_request>(hear());
    answer(request.domain.substr(0, request.domain.find('.')));
  }
}
