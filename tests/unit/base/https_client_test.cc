#include "base/https_client.h"

#include <catch2/catch.hpp>

#include "tests/support/https_server.h"

namespace consentry {
namespace {

https_request request_to(const tests::https_server& s, const std::string& host = "web.test") {
  https_request r;
  r.url = "https://" + host + "/path";
  r.addresses = {boost::asio::ip::address_v4::loopback()};
  r.port = s.port();
  r.authorities = s.certificate();
  return r;
}

std::string answer(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status +
         "\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

}  // namespace

TEST_CASE("the host of an https URL") {
  CHECK(https_host("https://Web.test/a?b") == "web.test");
  CHECK(https_host("https://web.test:444") == "web.test");
  for (const char* none : {"", "http://web.test/", "https://", "https://a@web.test/",
                           "https://web.test/a b", "https://[::1]/", "https://w\xc3\xa9.test/"})
    CHECK(https_host(none).empty());
}

TEST_CASE("a request over HTTPS to the addresses that were given") {
  const tests::https_server s{"web.test", answer("200 OK", "hello")};
  const auto got = ask_https(request_to(s));
  REQUIRE(got.has_value());
  CHECK(got->status == 200);
  CHECK(got->content_type == "text/plain");
  CHECK(got->body == "hello");
  CHECK(s.asked().at(0).starts_with("GET /path HTTP/"));

  auto post = request_to(s);
  post.body = "report";
  post.content_type = "application/tlsrpt+gzip";
  REQUIRE(ask_https(post).has_value());
  const auto asked = s.asked().at(1);
  CHECK(asked.starts_with("POST /path HTTP/"));
  CHECK(asked.ends_with("\r\n\r\nreport"));
  CHECK(asked.find("Content-Type: application/tlsrpt+gzip\r\n") != std::string::npos);
}

TEST_CASE("who cannot prove its name gets no request") {
  const tests::https_server s{"web.test", answer("200 OK", "hello")};
  const auto other_name = ask_https(request_to(s, "other.test"));
  REQUIRE_FALSE(other_name.has_value());
  CHECK(other_name.error().kind == failure_kind::tls);
  auto by_system = request_to(s);
  by_system.authorities.clear();
  const auto unknown = ask_https(by_system);
  REQUIRE_FALSE(unknown.has_value());
  CHECK(unknown.error().kind == failure_kind::tls);
  CHECK(s.asked().empty());
}

TEST_CASE("redirects are answers, and answers are bounded") {
  const tests::https_server moved{"web.test",
                                  "HTTP/1.1 302 Found\r\nLocation: https://web.test/else\r\n"
                                  "Content-Length: 0\r\nConnection: close\r\n\r\n"};
  CHECK(ask_https(request_to(moved))->status == 302);
  CHECK(moved.asked().size() == 1);

  const tests::https_server large{"web.test", answer("200 OK", std::string(70'000, 'x'))};
  const auto too_much = ask_https(request_to(large));
  REQUIRE_FALSE(too_much.has_value());
  CHECK(too_much.error().kind == failure_kind::limit);
}

TEST_CASE("a request ends in time, or when it is given up") {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent{io, {boost::asio::ip::address_v4::loopback(), 0}};
  https_request r;
  r.url = "https://web.test/";
  r.addresses = {boost::asio::ip::address_v4::loopback()};
  r.port = silent.local_endpoint().port();
  r.timeout = std::chrono::milliseconds{200};
  CHECK(ask_https(r).error().kind == failure_kind::timeout);
  r.timeout = std::chrono::seconds{60};
  r.is_given_up = [] { return true; };
  CHECK(ask_https(r).error().kind == failure_kind::cancelled);
  r.addresses.clear();
  CHECK(ask_https(r).error().kind == failure_kind::invalid);
}

}  // namespace consentry
