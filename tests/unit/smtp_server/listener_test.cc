// Real sockets on loopback, on ports the system picks.
#include "smtp/server/listener.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "base/tls_context.h"
#include "base/worker_pool.h"
#include "tests/support/scripted_gatekeeper.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::smtp::server;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using consentry::tests::scripted_gatekeeper;

namespace {

// A listener on two I/O threads.
class running_listener {
 public:
  explicit running_listener(session_settings how, listener_settings where = {.addresses = {{}}}) {
    gate.add_user("crm", "secret", smtp::stream::bulk);
    const tls_identity identity{folder_.path() / "cert.pem", folder_.path() / "key.pem"};
    make_self_signed(identity, "mx.test");
    auto context = make_server_tls(identity);
    how.host_name = "mx.test";
    tls_source tls = [context] { return context; };
    listener_ =
        std::make_unique<listener>(std::move(where), std::move(how), std::move(tls), services_);
    listener_->open();
    listener_->start({io_[0].get_executor(), io_[1].get_executor()});
    for (auto& io : io_) threads_.emplace_back([&io] { io.run(); });
  }
  ~running_listener() {
    listener_->stop_accepting();
    listener_->cancel();
    wait_drained();
    for (auto& g : work_) g.reset();
    for (auto& io : io_) io.stop();
    for (auto& t : threads_) t.join();
    listener_.reset();
  }

  void wait_drained() { asio::co_spawn(io_[0], listener_->drained(), asio::use_future).get(); }
  tcp::endpoint at() const { return listener_->bound().at(0); }
  listener& operator*() { return *listener_; }

  scripted_gatekeeper gate;

 private:
  consentry::tests::temp_folder folder_;
  auth_guard guard_{{.answer_delay = 1ms}};
  memory_budget memory_{1 << 20};
  worker_pool workers_{1};
  session_services services_{gate, guard_, memory_, &workers_, "a secret of tests"};
  asio::io_context io_[2];
  using guard = asio::executor_work_guard<asio::io_context::executor_type>;
  std::vector<guard> work_{guard{io_[0].get_executor()}, guard{io_[1].get_executor()}};
  std::vector<std::thread> threads_;
  std::unique_ptr<listener> listener_;
};

// A blocking client.
class client {
 public:
  explicit client(const tcp::endpoint& at) : socket_{io_} { socket_.connect(at); }

  void send(std::string_view bytes) {
    if (tls_)
      asio::write(*tls_, asio::buffer(bytes));
    else
      asio::write(socket_, asio::buffer(bytes));
  }
  // One line without CRLF; "" at the end of the connection.
  std::string line() {
    boost::system::error_code ec;
    auto into = asio::dynamic_buffer(in_);
    const auto n = tls_ ? asio::read_until(*tls_, into, "\r\n", ec)
                        : asio::read_until(socket_, into, "\r\n", ec);
    if (ec) return {};
    auto text = in_.substr(0, n - 2);
    in_.erase(0, n);
    return text;
  }
  // The last line of a reply.
  std::string reply() {
    for (;;) {
      auto text = line();
      if (text.size() < 4 || text[3] == ' ') return text;
    }
  }
  std::string ask(std::string_view command) {
    send(std::string{command} + "\r\n");
    return reply();
  }
  bool start_tls() {
    tls_.emplace(socket_, context_);
    boost::system::error_code ec;
    tls_->handshake(asio::ssl::stream_base::client, ec);
    return !ec;
  }

 private:
  asio::io_context io_;
  tcp::socket socket_;
  asio::ssl::context context_{asio::ssl::context::tls_client};
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  std::string in_;
};

void check_submission(client& c) {
  CHECK(c.ask("EHLO client.test") == "250 AUTH PLAIN LOGIN SCRAM-SHA-256");
  CHECK(c.ask("AUTH PLAIN AGNybQBzZWNyZXQ=") == "235 2.7.0 signed in");
  CHECK(c.ask("MAIL FROM:<a@example.hu>") == "250 2.1.0 sender ok");
  CHECK(c.ask("RCPT TO:<b@example.hu>") == "250 2.1.5 recipient ok");
  CHECK(c.ask("DATA").starts_with("354"));
  CHECK(c.ask("hello\r\n.") == "250 2.0.0 queued");
  CHECK(c.ask("QUIT") == "221 2.0.0 mx.test closing");
  CHECK(c.line().empty());
}

}  // namespace

TEST_CASE("a message comes in over STARTTLS, sessions going round the threads") {
  running_listener server{{}};
  for (int i = 0; i < 4; ++i) {
    client c{server.at()};
    CHECK(c.reply() == "220 mx.test ESMTP Consentry");
    CHECK(c.ask("EHLO client.test") == "250 STARTTLS");
    CHECK(c.ask("STARTTLS") == "220 2.0.0 go ahead");
    REQUIRE(c.start_tls());
    check_submission(c);
  }
  (*server).stop_accepting();
  server.wait_drained();
  REQUIRE(server.gate.accepted.size() == 4);
  const auto& m = server.gate.accepted[0];
  CHECK(m.data == "hello\r\n");
  CHECK(m.session.tls.starts_with("TLSv1."));
  CHECK(m.session.remote_ip == "127.0.0.1");
  CHECK(m.session.id != server.gate.accepted[1].session.id);
}

TEST_CASE("a message comes in over implicit TLS") {
  running_listener server{{.implicit_tls = true}};
  client c{server.at()};
  REQUIRE(c.start_tls());
  CHECK(c.reply() == "220 mx.test ESMTP Consentry");
  check_submission(c);
}

TEST_CASE("clear text between STARTTLS and the handshake is never run") {
  running_listener server{{}};
  client c{server.at()};
  c.reply();
  c.ask("EHLO client.test");
  CHECK(c.ask("STARTTLS") == "220 2.0.0 go ahead");
  c.send("EHLO evil.test\r\n");
  CHECK_FALSE(c.start_tls());
}

TEST_CASE("a silent client is timed out") {
  session_settings how;
  how.timeouts.command = 30ms;
  how.timeouts.handshake = 30ms;
  {
    running_listener server{how};
    client c{server.at()};
    c.reply();
    CHECK(c.reply() == "421 4.4.2 mx.test timeout");
    CHECK(c.line().empty());
  }
  how.implicit_tls = true;
  running_listener server{how};
  client c{server.at()};
  CHECK(c.line().empty());
}

TEST_CASE("each peer gets so many connections, and a freed one can be had again") {
  running_listener server{{}, {.addresses = {{}}, .connections_per_peer_max = 1}};
  client first{server.at()};
  first.reply();
  client second{server.at()};
  CHECK(second.line() == "421 4.7.0 too many connections from your address");
  CHECK(second.line().empty());
  CHECK(first.ask("QUIT").starts_with("221"));
  CHECK(first.line().empty());
  while ((*server).sessions() > 0) std::this_thread::yield();
  client third{server.at()};
  CHECK(third.reply().starts_with("220"));
}

TEST_CASE("the listener as a whole gets so many connections") {
  running_listener server{{}, {.addresses = {{}}, .connections_max = 1}};
  client first{server.at()};
  first.reply();
  client second{server.at()};
  CHECK(second.line() == "421 4.7.0 too many connections");
}

TEST_CASE("stopping tells waiting clients and lets a transaction finish") {
  session_settings how{.role = listener_role::inbound};
  running_listener server{how};
  client waiting{server.at()};
  waiting.reply();
  waiting.ask("EHLO client.test");
  client busy{server.at()};
  busy.reply();
  busy.ask("EHLO client.test");
  busy.ask("MAIL FROM:<a@example.hu>");
  const auto at = server.at();

  (*server).stop_accepting();
  CHECK(waiting.reply() == "421 4.3.2 mx.test is shutting down");
  CHECK(busy.ask("RCPT TO:<b@example.hu>") == "250 2.1.5 recipient ok");
  CHECK(busy.ask("DATA").starts_with("354"));
  CHECK(busy.ask("last\r\n.") == "250 2.0.0 queued");
  CHECK(busy.reply() == "421 4.3.2 mx.test is shutting down");
  server.wait_drained();
  CHECK((*server).sessions() == 0);
  CHECK_THROWS(client{at});
}

TEST_CASE("cancelling ends sessions at once") {
  running_listener server{{}};
  client c{server.at()};
  c.reply();
  (*server).stop_accepting();
  (*server).cancel();
  server.wait_drained();
  CHECK((*server).sessions() == 0);
}

TEST_CASE("a socket that listens already is taken over, one that does not is refused") {
  const auto make = [](bool listening) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const tcp::endpoint any{asio::ip::address_v4::loopback(), 0};
    REQUIRE(::bind(fd, any.data(), static_cast<socklen_t>(any.size())) == 0);
    if (listening) REQUIRE(::listen(fd, 5) == 0);
    return fd;
  };
  running_listener server{{}, {.adopted = {make(true)}}};
  client c{server.at()};
  CHECK(c.reply().starts_with("220"));
  CHECK_THROWS_AS(running_listener({}, {.adopted = {make(false)}}), configuration_error);
}

TEST_CASE("an address that cannot be had is named") {
  running_listener server{{}};
  const listener_settings taken{.addresses = {{"127.0.0.1", server.at().port()}}};
  CHECK_THROWS_WITH(running_listener({}, taken),
                    Catch::Contains("127.0.0.1 port " + std::to_string(server.at().port())));
  CHECK_THROWS_WITH(running_listener({}, {.addresses = {{"localhost", 0}}}),
                    Catch::Contains("not an IP address"));
}
