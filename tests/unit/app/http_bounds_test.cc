// What a stranger can hold up or fill: a connection that says nothing, a body that never comes.
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "app/admin/http_server.h"
#include "base/tls_context.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::app::admin;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// Every wait is a second at most, so that what never comes is seen to end.
struct hasty_server {
  tests::temp_folder folder;
  asio::io_context io;
  http_server server;
  std::uint16_t plain = 0, secure = 0;
  std::thread thread;

  static asio::awaitable<response> tell(request r) {
    co_return json_response({{"bytes", r.body.size()}});
  }
  static http_limits limits() {
    constexpr std::chrono::seconds one{1};
    http_limits l;
    l.connections_max = 4;
    l.requests_per_connection_max = 3;
    l.handshake_timeout = l.request_timeout = l.body_pause_max = l.body_timeout = one;
    return l;
  }
  hasty_server() : server{io.get_executor(), tell, limits()} {
    const tls_identity own{folder.path() / "cert.pem", folder.path() / "key.pem"};
    make_self_signed(own, "localhost");
    plain = server.listen_tcp("127.0.0.1", 0);
    secure = server.listen_tcp("127.0.0.1", 0, [tls = make_server_tls(own)] { return tls; });
    thread = std::thread{[this] { io.run(); }};
  }
  ~hasty_server() {
    auto done = asio::co_spawn(io, server.stop(std::chrono::steady_clock::now()), asio::use_future);
    done.wait_for(std::chrono::seconds{10});
    io.stop();
    thread.join();
  }

  // All that comes until the server ends the connection.
  static std::string answer(std::uint16_t port, const std::string& bytes) {
    asio::io_context mine;
    tcp::socket s{mine};
    s.connect({asio::ip::address_v4::loopback(), port});
    boost::system::error_code error;
    asio::write(s, asio::buffer(bytes), error);
    std::string text;
    asio::read(s, asio::dynamic_buffer(text), error);
    return text;
  }
};

std::string head(const std::string& line, const std::string& more = {}) {
  return line + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("a connection that does not go on is ended") {
  hasty_server s;
  CHECK(hasty_server::answer(s.plain, "").empty());
  CHECK(hasty_server::answer(s.plain, "GET / HT").empty());
  CHECK(hasty_server::answer(s.secure, "").empty());
  CHECK(hasty_server::answer(s.secure, "\x16\x03\x01").empty());
  const auto half = head("POST /", "Content-Length: 10\r\n") + "12345";
  CHECK(hasty_server::answer(s.plain, half).empty());
}

TEST_CASE("a body that trickles is told that it is too slow") {
  hasty_server s;
  asio::io_context mine;
  tcp::socket slow{mine};
  slow.connect({asio::ip::address_v4::loopback(), s.plain});
  asio::write(slow, asio::buffer(head("POST /", "Content-Length: 1000\r\n")));
  boost::system::error_code error;
  while (slow.available() == 0 && !error) {
    asio::write(slow, asio::buffer("x", 1), error);
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  std::string text;
  asio::read(slow, asio::dynamic_buffer(text), error);
  CHECK(text.starts_with("HTTP/1.1 408 "));
  CHECK(text.find("\"code\":\"too_slow\"") != text.npos);
}

TEST_CASE("a connection has so many requests, and there are so many connections") {
  hasty_server s;
  std::string many;
  for (int n = 0; n < 10; ++n) many += head("GET /");
  CHECK(count(hasty_server::answer(s.plain, many), "HTTP/1.1 200") == 3);

  asio::io_context mine;
  std::vector<tcp::socket> held;
  for (int n = 0; n < 4; ++n) {
    held.emplace_back(mine).connect({asio::ip::address_v4::loopback(), s.plain});
    asio::write(held.back(), asio::buffer(head("GET /")));
    std::string first(8, '\0');
    asio::read(held.back(), asio::buffer(first));
  }
  CHECK(hasty_server::answer(s.plain, head("GET /", "Connection: close\r\n")).empty());
}

TEST_CASE("what a handler says cannot end a header line") {
  asio::io_context io;
  http_server server{io.get_executor(), [](request) -> asio::awaitable<response> {
                       response out;
                       out.headers.emplace_back("Allow", "GET\r\nX-Evil: 1");
                       co_return out;
                     }};
  const auto port = server.listen_tcp("127.0.0.1", 0);
  std::thread thread{[&io] { io.run(); }};
  const auto text = hasty_server::answer(port, head("GET /", "Connection: close\r\n"));
  CHECK(text.find("Allow: GETX-Evil: 1\r\n") != text.npos);
  auto done = asio::co_spawn(io, server.stop(std::chrono::steady_clock::now()), asio::use_future);
  done.wait_for(std::chrono::seconds{10});
  io.stop();
  thread.join();
}

TEST_CASE("large bodies of all connections together have a bound, and give their room back") {
  asio::io_context io;
  http_limits l;
  l.body_small = 10;
  l.bodies_in_memory_max = 150;
  http_server server{io.get_executor(), hasty_server::tell, l};
  const auto port = server.listen_tcp("127.0.0.1", 0);
  std::thread thread{[&io] { io.run(); }};
  const auto whole = [](std::size_t n) {
    return head("POST /", "Connection: close\r\nContent-Length: " + std::to_string(n) + "\r\n") +
           std::string(n, 'x');
  };
  asio::io_context mine;
  {
    tcp::socket first{mine};
    first.connect({asio::ip::address_v4::loopback(), port});
    asio::write(first,
                asio::buffer(head("POST /", "Content-Length: 100\r\nExpect: 100-continue\r\n")));
    std::string go_on(25, '\0');
    asio::read(first, asio::buffer(go_on));  // it holds its place
    const auto second = hasty_server::answer(port, whole(100));
    CHECK(second.starts_with("HTTP/1.1 503 "));
    CHECK(second.find("Retry-After: 5\r\n") != second.npos);
    CHECK(hasty_server::answer(port, whole(10)).starts_with("HTTP/1.1 200 "));  // small
    CHECK(hasty_server::answer(port, whole(50)).starts_with("HTTP/1.1 200 "));  // fits beside it
    const auto unknown =
        head("POST /", "Connection: close\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n";
    CHECK(hasty_server::answer(port, unknown).starts_with("HTTP/1.1 503 "));
    asio::write(first, asio::buffer(std::string(100, 'x')));
    std::string told(12, '\0');
    asio::read(first, asio::buffer(told));
    CHECK(told == "HTTP/1.1 200");
  }
  CHECK(hasty_server::answer(port, whole(100)).starts_with("HTTP/1.1 200 "));
  auto done = asio::co_spawn(io, server.stop(std::chrono::steady_clock::now()), asio::use_future);
  done.wait_for(std::chrono::seconds{10});
  io.stop();
  thread.join();
}
