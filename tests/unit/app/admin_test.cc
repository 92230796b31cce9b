// The operators' HTTP over real sockets, on ports and paths of the test's own.
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "app/admin/api.h"
#include "app/admin/http_server.h"
#include "base/secret.h"
#include "base/text.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app::admin;
using consentry::tests::app_world;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

struct answer {
  int status = 0;
  std::string head;
  std::string body;
};

answer parse_answer(const std::string& text) {
  answer a;
  const auto end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.1 ") || end == std::string::npos) return a;
  a.status = std::stoi(text.substr(9, 3));
  a.head = ascii_lower(text.substr(0, end));
  a.body = text.substr(end + 4);
  return a;
}

// A server whose handler tells what it was asked, on a thread of its own.
struct running_server {
  consentry::tests::temp_folder folder;
  std::filesystem::path socket = folder.path() / "run" / "admin.sock";
  asio::io_context io;
  http_server server;
  std::uint16_t port = 0;
  std::thread thread;

  // "open sesame" is anna's.
  static admission let_in(request& r) {
    admission out{.body_bytes_max = 1000};
    r.person = r.kernel_login.empty() ? (r.bearer == "open sesame" ? "anna" : "") : r.kernel_login;
    if (r.person.empty()) out.refusal = problem(401, "a token is required");
    return out;
  }

  static asio::awaitable<response> tell(request r) {
    if (r.path.size() == 1 && r.path[0] == "wrong") throw configuration_error("that is wrong");
    if (r.path.size() == 1 && r.path[0] == "body") {
      json_body body{r.body};
      const auto name = body.required_text("name");
      body.finish();
      co_return json_response({{"name", name}});
    }
    boost::json::object query;
    for (const auto& [k, v] : r.query) query[k] = v;
    co_return json_response({{"method", r.method},
                             {"path", fmt::format("{}", fmt::join(r.path, "|"))},
                             {"query", query},
                             {"type", r.content_type},
                             {"bytes", r.body.size()},
                             {"person", r.person}});
  }

  running_server()
      : server{io.get_executor(), tell, {.header_bytes_max = 4096, .connections_max = 8}, let_in} {
    server.listen_unix(socket);
    port = server.listen_tcp("127.0.0.1", 0);
    thread = std::thread{[this] { io.run(); }};
  }
  ~running_server() {
    auto done = asio::co_spawn(
        io, server.stop(std::chrono::steady_clock::now() + std::chrono::milliseconds{100}),
        asio::use_future);
    done.wait_for(std::chrono::seconds{10});
    io.stop();
    thread.join();
  }

  template <class Socket, class Endpoint>
  static answer talk(Socket s, const Endpoint& at, const std::string& bytes) {
    s.connect(at);
    boost::system::error_code error;
    asio::write(s, asio::buffer(bytes), error);
    std::string text;
    asio::read(s, asio::dynamic_buffer(text), error);
    return parse_answer(text);
  }
  answer over_unix(const std::string& bytes) {
    asio::io_context mine;
    return talk(asio::local::stream_protocol::socket{mine},
                asio::local::stream_protocol::endpoint{socket.string()}, bytes);
  }
  answer over_tcp(const std::string& bytes) {
    asio::io_context mine;
    return talk(tcp::socket{mine}, tcp::endpoint{asio::ip::address_v4::loopback(), port}, bytes);
  }
};

std::string get(const std::string& target, const std::string& more = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + more + "\r\n";
}
std::string post(const std::string& target, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\nContent-Type: Application/JSON; charset=utf-8\r\n\r\n" +
         body;
}

std::string own_login() {
  const auto* p = ::getpwuid(::getuid());
  return p != nullptr ? p->pw_name : "uid" + std::to_string(::getuid());
}

}  // namespace

TEST_CASE("over the Unix socket the person is who the kernel says") {
  running_server s;
  struct stat facts{};
  REQUIRE(::stat(s.socket.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0660);
  const auto a = s.over_unix(
      get("/v1/a%20b/c?x=1&y=%2f", "Authorization: Bearer anything\r\nX-Person: root\r\n"));
  CHECK(a.status == 200);
  const auto o = boost::json::parse(a.body).as_object();
  CHECK(std::string_view{o.at("person").as_string()} == own_login());
  CHECK(o.at("path") == "v1|a b|c");
  CHECK(o.at("query").as_object().at("y") == "/");
  CHECK_THAT(a.head, Catch::Contains("cache-control: no-store") &&
                         Catch::Contains("content-type: application/json"));
  const auto p = s.over_unix(post("/v1", "12345"));
  CHECK(boost::json::parse(p.body).as_object().at("bytes") == 5);
  CHECK(boost::json::parse(p.body).as_object().at("type") == "application/json");
}

TEST_CASE("over TCP nobody gets in without a token") {
  running_server s;
  for (const char* more :
       {"", "Authorization: Bearer wrong\r\n", "Authorization: Basic b3BlbiBzZXNhbWU=\r\n",
        "Authorization: Bearer \r\n", "Authorization: open sesame\r\n"}) {
    INFO(more);
    const auto a = s.over_tcp(get("/v1", more));
    CHECK(a.status == 401);
    CHECK_THAT(a.head, Catch::Contains("application/problem+json"));
    CHECK(a.body.find("person") == std::string::npos);
  }
  const auto a = s.over_tcp(get("/v1", "Authorization: bearer open sesame\r\n"));
  CHECK(a.status == 200);
  CHECK(boost::json::parse(a.body).as_object().at("person") == "anna");
}

TEST_CASE("what is wrong with a request is said, in bounds") {
  running_server s;
  struct row {
    const char* what;
    std::string bytes;
    int status;
  };
  for (const row& r : {
           row{"a body that is too large",
               "POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413},
           row{"a header that is too large", get("/v1", "X: " + std::string(5000, 'a') + "\r\n"),
               431},
           row{"a target that is no path", get("nowhere"), 400},
           row{"a target that does not read", get("/%zz"), 400},
           row{"an asterisk", "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400},
           row{"what the handler refuses", get("/wrong"), 422},
           row{"no JSON", post("/body", "{"), 422},
           row{"JSON, but no object", post("/body", "[1]"), 422},
           row{"nested past reason", post("/body", std::string(500, '[')), 422},
           row{"a missing member", post("/body", "{}"), 422},
           row{"an empty member", post("/body", "{\"name\": \"\"}"), 422},
           row{"a member of another type", post("/body", "{\"name\": 5}"), 422},
           row{"an unknown member", post("/body", "{\"name\": \"a\", \"extra\": 1}"), 422},
           row{"what is right", post("/body", "{\"name\": \"a\"}"), 200},
       }) {
    INFO(r.what);
    const auto a = s.over_unix(r.bytes);
    CHECK(a.status == r.status);
    if (r.status == 200) continue;
    CHECK_THAT(a.head, Catch::Contains("application/problem+json"));
    const auto o = boost::json::parse(a.body).as_object();
    CHECK(o.at("status") == r.status);
    CHECK_FALSE(o.at("detail").as_string().empty());
  }
  CHECK_THAT(s.over_unix(post("/body", "{\"name\": \"a\", \"extra\": 1}")).body,
             Catch::Contains("extra"));
  // What is no HTTP at all ends the connection, and harms nobody else.
  CHECK(s.over_unix("\x16\x03\x01 hello\r\n\r\n").status == 400);
  CHECK(s.over_unix(get("/v1")).status == 200);
}

TEST_CASE("a socket that a crash left is replaced, one that is served is not") {
  running_server s;
  asio::io_context io;
  http_server second{io.get_executor(), running_server::tell};
  CHECK_THROWS_AS(second.listen_unix(s.socket), configuration_error);
  CHECK(s.over_unix(get("/v1")).status == 200);

  const auto stale = s.folder.path() / "stale.sock";
  {
    asio::local::stream_protocol::acceptor dead{
        io, asio::local::stream_protocol::endpoint{stale.string()}};
  }
  REQUIRE(std::filesystem::exists(stale));
  CHECK_NOTHROW(second.listen_unix(stale));
  auto done = asio::co_spawn(io, second.stop(std::chrono::steady_clock::now()), asio::use_future);
  io.run();
  done.get();
  CHECK_FALSE(std::filesystem::exists(stale));
}

namespace {

// The resources over a store, asked without a socket.
struct api_world : app_world {
  worker_pool workers{1};
  int reloads = 0;
  std::vector<instant> notified;
  api_context api{.rooms = rooms,
                  .live = live,
                  .workers = workers,
                  .clock = clock,
                  .dkim_folder = folder.path() / "dkim",
                  .host_name = "mx.test",
                  .bounce_domain = "bounce.test",
                  .egress_hint = {},
                  .queue_stats = [] { return queue::queue_stats{}; },
                  .notify_queue = [this](instant t) { notified.push_back(t); },
                  .reload_dkim_keys =
                      [this] {
                        ++reloads;
                        live.dkim_keys.set(smtp::auth::key_ring::load(folder.path() / "dkim"));
                      },
                  .count_sessions = [] { return std::size_t{0}; },
                  .started_at = clock.now()};

  api_world() {
    create_key_folder(folder.path() / "dkim").value();
    live.dkim_keys.set(smtp::auth::key_ring::load(folder.path() / "dkim"));
  }
  response ask(const std::string& method, std::vector<std::string> path,
               const std::string& body = {}, std::map<std::string, std::string> query = {}) {
    request r;
    r.method = method;
    r.path = std::move(path);
    r.path.insert(r.path.begin(), "v1");
    r.query = std::move(query);
    r.body = body;
    r.person = "anna";
    r.as = policy::tenants::role::admin;
    r.headers["x-reason"] = "a test";
    try {
      return wait_for(serve(api, std::move(r)));
    } catch (const configuration_error& e) {
      return problem(422, e.what());  // as the server does
    }
  }
  static boost::json::object json_of(const response& r) {
    return boost::json::parse(r.body).as_object();
  }
};

const std::string new_tenant =
    R"({"name": "shop", "legal_name": "Shop Kft.", "contact": "office@shop.test"})";

}  // namespace

TEST_CASE("a tenant is set up through the resources, once") {
  api_world w;
  CHECK(w.ask("POST", {"tenants"}, new_tenant).status == 201);
  CHECK(w.ask("POST", {"tenants"}, new_tenant).status == 409);
  CHECK(w.ask("POST", {"tenants"}, R"({"name": "x y", "legal_name": "a", "contact": "a@b.test"})")
            .status == 422);
  CHECK(w.ask("POST", {"tenants"},
              R"({"name": "rival", "legal_name": "a", "contact": "a@b.test", "colour": "red"})")
            .status == 422);
  CHECK(w.ask("GET", {"tenants", "rival"}).status == 404);
  CHECK(w.ask("DELETE", {"tenants"}).status == 405);
  CHECK(w.ask("GET", {"nowhere"}).status == 404);

  const auto domain = w.ask("POST", {"tenants", "shop", "domains"}, R"({"domain": "Shop.Test"})");
  REQUIRE(domain.status == 201);
  CHECK(w.reloads == 1);
  CHECK(api_world::json_of(domain).at("domain") == "shop.test");
  CHECK(api_world::json_of(domain).at("dns").as_array().size() >= 3);  // two keys and DMARC
  CHECK(domain.body.find("PRIVATE") == std::string::npos);

  const auto credential =
      w.ask("POST", {"tenants", "shop", "credentials"}, R"({"user": "crm", "topic": "news"})");
  REQUIRE(credential.status == 201);
  CHECK(api_world::json_of(credential).at("password").as_string().size() >= 20);
  CHECK(w.ask("POST", {"tenants", "shop", "credentials"}, R"({"user": "crm"})").status == 409);
  CHECK(w.ask("POST", {"tenants", "shop", "credentials"}, R"({"user": "b", "password": "short"})")
            .status == 422);
  CHECK(w.ask("POST", {"tenants", "shop", "credentials"}, R"({"user": "b", "stream": "spam"})")
            .status == 422);
  CHECK(w.rooms.directory.get()->find_credential("crm")->topic == "news");

  const auto whole = w.ask("GET", {"tenants", "shop"});
  CHECK(api_world::json_of(whole).at("state") == "active");
  CHECK(whole.body.find("pseudonym") == std::string::npos);
  CHECK(whole.body.find("stored_key") == std::string::npos);
  const auto events = w.events(journal::event_kind::tenant_added);
  REQUIRE(events.size() == 1);
  CHECK(events[0].actor == "desk:anna");
}

TEST_CASE("block and unblock want a reason, are told once, and let go only what the block held") {
  api_world w;
  const auto shop = w.add_tenant("shop");
  const auto mail = w.enqueue(shop, smtp::stream::bulk, {"a@one.test"});
  CHECK(w.ask("POST", {"tenants", "shop", "block"}, "{}").status == 422);
  CHECK(w.ask("POST", {"tenants", "shop", "unblock"}, R"({"reason": "x"})").status == 409);
  CHECK(w.ask("POST", {"tenants", "shop", "block"}, R"({"reason": "many complaints"})").status ==
        200);
  CHECK(w.rooms.blocker.is_bulk_closed(shop));
  CHECK(w.ask("POST", {"tenants", "shop", "block"}, R"({"reason": "again"})").status == 409);
  const auto standing = api_world::json_of(w.ask("GET", {"tenants", "shop", "standing"}));
  CHECK(standing.at("bulk_blocked") == true);
  CHECK(standing.at("actor") == "desk:anna");

  CHECK(standing.at("held") == 1);
  CHECK(w.recipient(recipient_id{mail.value + 1})->state == queue::recipient_state::held);
  CHECK(w.ask("POST", {"tenants", "shop", "unblock"}, "{}").status == 422);
  CHECK(w.rooms.blocker.is_bulk_closed(shop));
  const auto lifted = w.ask("POST", {"tenants", "shop", "unblock"}, R"({"reason": "talked"})");
  CHECK(lifted.status == 200);
  CHECK(api_world::json_of(lifted).at("released") == 1);
  CHECK_FALSE(w.rooms.blocker.is_bulk_closed(shop));
  CHECK(w.recipient(recipient_id{mail.value + 1})->state == queue::recipient_state::queued);
  CHECK_FALSE(w.notified.empty());
}

TEST_CASE("the queue is changed by whom it belongs to, never as a whole") {
  api_world w;
  w.add_tenant("shop");
  for (const char* act : {"hold", "release", "purge"}) {
    INFO(act);
    CHECK(w.ask("POST", {"queue", act}, R"({"reason": "x"})").status == 422);
    CHECK(w.ask("POST", {"queue", act}, R"({"tenant": "nobody", "reason": "x"})").status >= 400);
  }
}

TEST_CASE("why of a number that nobody gave, and queries that do not read") {
  api_world w;
  CHECK(w.ask("GET", {"why", "m0000099"}).status == 404);
  CHECK(w.ask("GET", {"why", "rubbish"}).status >= 400);
  CHECK(w.ask("GET", {"journal"}, {}, {{"limit", "many"}}).status == 422);
  CHECK(w.ask("GET", {"journal"}, {}, {{"limit", "99999999999999999999"}}).status == 422);
  CHECK(w.ask("GET", {"journal", "verify"}).status == 200);
  CHECK(w.ask("GET", {"stats"}).status == 200);
}
