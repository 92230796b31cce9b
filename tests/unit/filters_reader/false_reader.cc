// Stands in for the reader and does what its request's name says: crash, hang, garbage, a huge
// answer, an answer that does not decode, an exit in the middle.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "filters/reader/reader_protocol.h"

namespace {

using namespace consentry::filters::reader;

bool read_whole(std::string& to) {
  for (std::size_t at = 0; at < to.size();) {
    const auto got = ::read(0, to.data() + at, to.size() - at);
    if (got <= 0) return false;
    at += static_cast<std::size_t>(got);
  }
  return true;
}

void say(const std::string& bytes) {
  if (::write(0, bytes.data(), bytes.size()) < 0) std::exit(1);
}

void answer(const read_request& r) {
  if (r.name == "crash") {
    ::signal(SIGSEGV, SIG_DFL);  // the sanitizers' handler would end it in order
    ::raise(SIGSEGV);
  }
  if (r.name == "exit") std::exit(7);
  if (r.name == "hang")
    for (;;) ::pause();
  if (r.name == "garbage") return say("HTTP/1.1 200 OK\r\n\r\n");
  if (r.name == "huge") return say("CRA1\xff\xff\xff\xff");
  if (r.name == "undecodable") return say(std::string{"CRA1\0\0\0\3abc", 11});
  if (r.name == "half") {
    say(std::string{"CRA1\0\0\1\0abc", 11});
    std::exit(0);
  }
  reading found{.items = {{item_kind::text, "", "read: " + r.bytes}}, .unreadable = {}};
  if (r.name == "process") found.items[0].text = std::to_string(::getpid());
  if (r.name == "unreadable") found.unreadable.push_back({"", "is encrypted"});
  say(encode(found));
  if (r.name == "die later") std::exit(0);
}

}  // namespace

int main() {
  for (;;) {
    std::string head(frame_head_octets, '\0');
    if (!read_whole(head)) return 0;
    std::string body(request_length(head).value(), '\0');
    if (!read_whole(body)) return 0;
    answer(decode_request(body).value());
  }
}
