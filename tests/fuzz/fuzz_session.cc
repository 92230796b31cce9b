// Any octets from a client: no crash, no hang, every reply well formed, and nothing accepted that a
// lenient server further on could read as two messages. The first octet chooses role and how the
// input is cut.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>

#include "base/check.h"
#include "base/log.h"
#include "smtp/server/sasl.h"
#include "smtp/server/session.h"
#include "smtp/server/text_check.h"
#include "tests/support/memory_stream.h"
#include "tests/support/scripted_gatekeeper.h"

using namespace consentry;
using namespace consentry::smtp::server;

namespace {

void check_replies(std::string_view all) {
  while (!all.empty()) {
    const auto end = all.find("\r\n");
    CONSENTRY_CHECK(end != std::string_view::npos && end >= 4 && end <= 510);
    CONSENTRY_CHECK(all[0] >= '2' && all[0] <= '5' && (all[3] == ' ' || all[3] == '-'));
    for (const char c : all.substr(0, end)) CONSENTRY_CHECK(static_cast<unsigned char>(c) >= ' ');
    all.remove_prefix(end + 2);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  log::configure({.least = log::level::error});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view input{reinterpret_cast<const char*>(data) + 1, size - 1};

  boost::asio::io_context io;
  tests::scripted_gatekeeper gate;
  static const auto keys = make_scram_keys("secret", 4096).value();
  gate.users["crm"] = {keys, smtp::stream::bulk};
  auth_guard guard{{.answer_delay = std::chrono::milliseconds{0}}};
  memory_budget memory{1 << 20};
  session_services services{gate, guard, memory, nullptr, "a secret of the fuzzer"};

  auto settings = std::make_shared<session_settings>();
  settings->host_name = "mx.test";
  settings->role = (data[0] & 1) != 0 ? listener_role::inbound : listener_role::submission;
  settings->auth_without_tls = true;
  settings->limits.message_bytes = 4096;
  settings->limits.recipients = 5;

  tests::memory_peer peer{io.get_executor()};
  peer.set_read_max((data[0] & 2) != 0 ? 1 + (data[0] >> 2) : 1 << 20);
  session talk{peer.make_stream(true), "127.0.0.1", 1, settings, services};
  bool ended = false;
  auto done = [&ended](std::exception_ptr error) {
    CONSENTRY_CHECK(!error);
    ended = true;
  };
  boost::asio::co_spawn(io, talk.run(), std::move(done));
  io.poll();
  peer.send(input);
  io.restart();
  io.poll();
  peer.close();
  io.restart();
  io.poll();
  CONSENTRY_CHECK(ended);
  CONSENTRY_CHECK(memory.left() == 1 << 20);

  check_replies(peer.received());
  for (const auto& m : gate.accepted) {
    text_check check;
    check.feed(m.data);
    check.finish();
    CONSENTRY_CHECK(!check.has_bare_newline() && !check.has_nul());
    CONSENTRY_CHECK(m.data.size() <= 4096 && check.longest_line() <= 1000);
    CONSENTRY_CHECK(!m.envelope.recipients.empty() && m.envelope.recipients.size() <= 5);
  }
  return 0;
}
