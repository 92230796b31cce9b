// SPF by the confined process: RFC 7208 over a table, and what becomes of a process that
// misbehaves.
#include "smtp/auth/spf_check.h"

#include <arpa/inet.h>
#include <sys/wait.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <future>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "base/confined_process.h"
#include "base/text.h"
#include "smtp/auth/spf_record.h"

using namespace consentry;
using namespace consentry::smtp;
using namespace consentry::smtp::auth;

namespace {

std::string program(const char* name) {
  return std::string{CONSENTRY_BIN_DIR} + "/" + name;
}

std::string name_rdata(const std::string& host) {
  std::string out;
  for (const auto label : split(host, '.')) {
    out += static_cast<char>(label.size());
    out += label;
  }
  return out + '\0';
}

std::string rdata_of(const std::string& type, const std::string& value) {
  if (type == "A" || type == "AAAA") {
    std::string out(type == "A" ? 4 : 16, '\0');
    REQUIRE(::inet_pton(type == "A" ? AF_INET : AF_INET6, value.c_str(), out.data()) == 1);
    return out;
  }
  if (type == "MX") return std::string{"\0\12", 2} + name_rdata(value);
  if (type == "PTR") return name_rdata(value);
  std::string out;
  for (std::size_t at = 0; at < value.size(); at += 250) {
    const auto part = value.substr(at, 250);
    out += static_cast<char>(part.size());
    out += part;
  }
  return out;
}

dns::record_type type_named(const std::string& type) {
  return type == "A"      ? dns::record_type::a
         : type == "AAAA" ? dns::record_type::aaaa
         : type == "MX"   ? dns::record_type::mx
         : type == "PTR"  ? dns::record_type::ptr
                          : dns::record_type::txt;
}

struct spf_case {
  std::string address, domain, expected;
};

struct spf_table {
  std::map<std::pair<std::string, dns::record_type>, std::vector<std::string>> records;
  std::vector<spf_case> cases;

  spf_table() {
    std::ifstream in{CONSENTRY_SOURCE_DIR "/tests/unit/smtp_auth/spf_cases.txt"};
    for (std::string line; std::getline(in, line);) {
      std::istringstream words{line};
      std::string first, a, b, c;
      words >> first >> a >> b;
      if (first == "case") {
        words >> c;
        cases.push_back({a, b, c});
      } else if (first == "zone") {
        std::getline(words >> std::ws, c);
        records[{a, type_named(b)}].push_back(c == "FAILED" ? c : rdata_of(b, c));
      }
    }
    REQUIRE(cases.size() > 50);
  }

  boost::asio::awaitable<result<dns::dns_answer>> look(std::string name,
                                                       dns::record_type type) const {
    dns::dns_answer out{.found = dns::existence::no_name};
    const auto found = records.find({ascii_lower(name), type});
    if (found == records.end()) {
      for (const auto& [key, values] : records)
        if (key.first == ascii_lower(name)) out.found = dns::existence::no_data;
      co_return out;
    }
    if (found->second.front() == "FAILED") co_return failure{.kind = failure_kind::dns};
    out.found = dns::existence::found;
    out.records = found->second;
    co_return out;
  }
};

spf::check_verdict ask(const dns_lookup& lookup, const std::string& address,
                       const std::string& domain, const std::string& by = "consentry-spf",
                       std::chrono::milliseconds step = std::chrono::seconds{5}) {
  boost::asio::io_context io;
  worker_pool workers{1};
  spf_check_options options;
  options.program = program(by.c_str());
  options.step_time = step;
  auto task = check_spf(workers, lookup, options, {.domain = domain, .address = address});
  auto answer = boost::asio::co_spawn(io, std::move(task), boost::asio::use_future);
  io.run();
  return answer.get();
}

const dns_lookup nothing = [](std::string,
                              dns::record_type) -> boost::asio::awaitable<result<dns::dns_answer>> {
  co_return dns::dns_answer{.found = dns::existence::no_name};
};

// Running, or ended and not yet waited for.
bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

TEST_CASE("RFC 7208: the table of cases") {
  const spf_table table;
  const dns_lookup lookup = [&table](std::string name, dns::record_type type) {
    return table.look(std::move(name), type);
  };
  for (const auto& c : table.cases) {
    INFO(c.address << " " << c.domain);
    const auto v = ask(lookup, c.address, c.domain);
    INFO(v.why);
    CHECK(to_string(v.result) == c.expected);
  }
}

TEST_CASE("a process that crashes, hangs, lies or is not there gives temperror") {
  for (const auto* how : {"crash", "exit", "garbage", "huge", "wrong-kind", "half"}) {
    INFO(how);
    const auto v = ask(nothing, "192.0.2.1", std::string{how} + ".test", "false_spf");
    CHECK(v.result == spf::spf_result::temperror);
  }
  const auto hung =
      ask(nothing, "192.0.2.1", "hang.test", "false_spf", std::chrono::milliseconds{100});
  CHECK(hung.result == spf::spf_result::temperror);
  CHECK(ask(nothing, "192.0.2.1", "x.test", "no_such_program").result ==
        spf::spf_result::temperror);
  CHECK(ask(nothing, "192.0.2.1", "pass.test", "false_spf").result == spf::spf_result::pass);
}

TEST_CASE("a process that asks without end is stopped") {
  int asked = 0;
  const dns_lookup found =
      [&asked](std::string, dns::record_type) -> boost::asio::awaitable<result<dns::dns_answer>> {
    ++asked;
    dns::dns_answer out{.found = dns::existence::found};
    out.records.push_back(rdata_of("A", "192.0.2.7"));
    co_return out;
  };
  const auto v = ask(found, "192.0.2.1", "curious.test", "false_spf");
  CHECK(v.result == spf::spf_result::permerror);
  CHECK(asked == 40);
  // What finds nothing ends it at the third, whatever the process would say.
  asked = 0;
  const dns_lookup counted = [&asked](std::string name, dns::record_type type) {
    ++asked;
    return nothing(std::move(name), type);
  };
  CHECK(ask(counted, "192.0.2.1", "curious.test", "false_spf").result ==
        spf::spf_result::permerror);
  CHECK(asked == 3);
}

TEST_CASE("the thread that asks neither starts the process nor waits for its end") {
  REQUIRE_FALSE(has_children());
  std::promise<void> first, second;  // each holds the only worker
  boost::asio::io_context io;
  std::optional<worker_pool> workers{std::in_place, 1u};
  const auto hold = [&workers](std::promise<void>& until) {
    workers->post([end = until.get_future().share()] { end.wait(); });
  };
  int asked = 0;
  const dns_lookup lookup = [&](std::string name, dns::record_type type) {
    if (++asked == 3) hold(second);
    return nothing(std::move(name), type);
  };
  spf_check_options options;
  options.program = program("false_spf");
  hold(first);
  auto task = check_spf(*workers, lookup, options, {.domain = "curious.test", .address = "::1"});
  auto answer = boost::asio::co_spawn(io, std::move(task), boost::asio::use_future);
  io.poll();
  CHECK_FALSE(has_children());
  first.set_value();
  io.run_for(std::chrono::seconds{20});
  CHECK(asked == 3);
  CHECK(has_children());  // who would end it is held up
  second.set_value();
  io.run();
  CHECK(answer.get().result == spf::spf_result::permerror);
  workers.reset();
  CHECK_FALSE(has_children());
}

namespace {

spf::check_verdict ask_on(worker_pool& workers, const spf_check_options& options) {
  boost::asio::io_context io;
  auto task = check_spf(workers, nothing, options, {.domain = "pass.test", .address = "192.0.2.1"});
  auto answer = boost::asio::co_spawn(io, std::move(task), boost::asio::use_future);
  io.run();
  return answer.get();
}

}  // namespace

TEST_CASE("the time of a step begins with the step, not with the wait for a worker") {
  worker_pool workers{1};
  spf_check_options options;
  options.program = program("false_spf");
  options.step_time = std::chrono::seconds{2};
  workers.post([&options] { std::this_thread::sleep_for(options.step_time * 5 / 4); });
  CHECK(ask_on(workers, options).result == spf::spf_result::pass);
}

TEST_CASE("a question whose time is over before it begins starts no process") {
  worker_pool workers{1};
  spf_check_options options;
  options.program = program("false_spf");
  options.time = std::chrono::milliseconds{0};
  CHECK(ask_on(workers, options).result == spf::spf_result::temperror);
}

TEST_CASE("the record that is told to be published passes, whatever stands there now") {
  for (const std::vector<std::string>& present :
       std::vector<std::vector<std::string>>{{},
                                             {"v=spf1 ip4:192.0.2.256 -all"},
                                             {"v=spf1 foo:bar -all"},
                                             {"v=spf1 include: -all"},
                                             {"v=spf1 a:/24 mx: -all"},
                                             {"v=spf1 ip4:198.51.100.1/33 -all"},
                                             {"v=spf1 exists:%{x}.test -all"},
                                             {"v=spf1 redirect=x.test redirect=y.test"},
                                             {"v=spf1 -all", "v=spf1 ip4:198.51.100.1 ~all"},
                                             {"v=spf1 include:nowhere.test -all"}}) {
    std::vector<std::string> published = present;
    const dns_lookup zone =
        [&published](std::string name,
                     dns::record_type type) -> boost::asio::awaitable<result<dns::dns_answer>> {
      dns::dns_answer out{.found = dns::existence::no_name};
      if (name == "b.test" && type == dns::record_type::txt && !published.empty()) {
        out.found = dns::existence::found;
        for (const auto& p : published) out.records.push_back(rdata_of("TXT", p));
      }
      co_return out;
    };
    INFO((present.empty() ? "" : present.front()));
    CHECK(ask(zone, "192.0.2.1", "b.test").result != spf::spf_result::pass);
    published = {spf_record_with({"192.0.2.1"}, present)};
    INFO(published.front());
    CHECK(ask(zone, "192.0.2.1", "b.test").result == spf::spf_result::pass);
  }
}

TEST_CASE("the process may do nothing but think") {
  for (const std::string call : {"open", "socket", "fork", "exec", "memory"}) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
    if (call == "memory") continue;  // the sanitizer needs terabytes of address space
#endif
#endif
    INFO(call);
    auto p = confined_process::start(program("consentry-spf"), {"--try", call});
    REQUIRE(p.has_value());
    CHECK(p->end(std::chrono::seconds{10}) != "ended with code 0");
  }
  auto p = confined_process::start(program("consentry-spf"), {"--try", "nothing"});
  CHECK(p->end(std::chrono::seconds{10}) == "ended with code 0");
}

TEST_CASE("words survive the socket, and bad ones do not") {
  const std::vector<spf::spf_message> all{
      spf::check_request{.domain = "a.test", .address = "192.0.2.1"},
      spf::dns_question{.name = "b.test", .type = spf::question_type::mx},
      spf::dns_reply{.found = spf::dns_finding::found, .records = {"v=spf1 -all", ""}},
      spf::check_verdict{.result = spf::spf_result::softfail, .why = "because"}};
  for (const auto& m : all) {
    const auto frame = spf::encode(m);
    REQUIRE(spf::body_length(frame.substr(0, 8)) == frame.size() - 8);
    CHECK(spf::decode(frame.substr(8)) == m);
    CHECK_FALSE(spf::decode(frame.substr(8) + "x"));
    CHECK_FALSE(spf::decode(frame.substr(8, frame.size() - 9)));
  }
  CHECK_FALSE(spf::body_length("CSP1\xff\xff\xff\xff"));
  CHECK_FALSE(spf::body_length("HTTP/1.1"));
  // Too much is no answer rather than half of one.
  const spf::dns_reply long_one{.found = spf::dns_finding::found,
                                .records = {std::string(5000, 'x')}};
  CHECK(spf::decode(spf::encode(long_one).substr(8)) == spf::spf_message{spf::dns_reply{}});
}
