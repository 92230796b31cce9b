// A sender domain looked at in a zone of ours: stored, journaled, told; and domains with a null MX.
#include "app/sender_preflight.h"

#include <fmt/format.h>

#include <boost/asio/ip/udp.hpp>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <set>

#include "app/null_mx.h"
#include "tests/unit/app/tenant_world.h"
#include "tests/unit/smtp_dns/dns_fixture.h"

using namespace consentry;
using namespace consentry::app;
using journal::event_kind;
using smtp::auth::check_state;

namespace {

const std::string head = "$TTL 5\n@ SOA ns.shop.test. host.shop.test. 1 60 60 600 5\n@ NS ns\n";

// All of .test, so that the walk for DMARC meets an answer at its top.
const std::string top =
    "$TTL 5\n@ SOA ns.shop.test. host.shop.test. 1 60 60 600 5\n@ NS ns.shop.test.\n"
    "$ORIGIN shop.test.\n";

struct preflight_world : tests::tenant_world {
  tenant_id tenant = add_tenant("shop");
  std::string rsa_record;
  std::string return_path_domain = "bounce.shop.test";
  const std::string good =
      "_dmarc TXT \"v=DMARC1; p=none\"\n@ TXT \"v=spf1 ip4:192.0.2.10 ?all\"\n"
      "bounce TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\n";

  preflight_world() {
    add_domain(tenant, "shop.test");
    const auto keys = smtp::auth::create_keys(folder.path() / "dkim", "shop.test", "c1").value();
    for (const auto& k : keys) {
      const auto v = k->dns_value();
      std::string strings;
      for (std::size_t at = 0; at < v.size(); at += 200)
        strings += fmt::format(" \"{}\"", v.substr(at, 200));
      rsa_record += fmt::format("{}. TXT{}\n", k->dns_name(), strings);
    }
    care.reload_dkim_keys();
  }

  preflight_options options() const {
    preflight_options o;
    o.addresses = {"192.0.2.10"};
    o.return_path_domain = return_path_domain;
    o.spf.program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "consentry-spf";
    return o;
  }

  // Looks at the zone as it is then. The resolver reads a zone once.
  result<domain_preflight> look(const std::string& zone, const std::string& domain = "shop.test") {
    const smtp::dns::scratch_folder place;
    smtp::dns::dns_runner r{smtp::dns::embedded(place, "test", top + zone)};
    const auto o = options();
    sender_preflight p{{rooms, live, workers, clock, r.dns}, o};
    clock.advance(std::chrono::minutes{1});
    return r.run(p.run(tenant, domain, "gateway", true));
  }
  void look_and_tell(const std::string& zone) {
    REQUIRE(look(zone).has_value());
    tell();
  }
  std::string last_subject() { return letters().back().subject; }

  // What a person does, while others look.
  void remove_domain(const std::string& domain) {
    change([&](write_txn& txn) {
      rooms.tenants.remove_domain(txn, tenant, domain, "sold", "desk:test", clock.now()).value();
      rooms.preflights.erase(txn, tenant, domain);
    });
    rooms.reload_directory().value();
  }
};

// A name server that hears and says nothing.
struct silent_server {
  boost::asio::io_context io;
  boost::asio::ip::udp::socket socket{io, {boost::asio::ip::address_v4::loopback(), 0}};

  smtp::dns::resolver_settings settings() const {
    smtp::dns::resolver_settings s;
    s.stubs.push_back({"shop.test", "127.0.0.1@" + std::to_string(socket.local_endpoint().port())});
    s.timeout = std::chrono::seconds{10};
    return s;
  }
  // The first label of what is asked for; waits for it.
  std::string question() {
    std::array<char, 1500> datagram{};
    const auto octets = socket.receive(boost::asio::buffer(datagram));
    constexpr std::size_t head = 12;
    if (octets <= head) return {};
    return {datagram.data() + head + 1, static_cast<std::size_t>(datagram[head])};
  }
  std::set<std::string> questions() {
    std::set<std::string> out;
    while (socket.available() > 0) out.insert(question());
    return out;
  }
};

std::string said(const domain_preflight& p, const std::string& what) {
  for (const auto& c : p.checks)
    if (c.found.what == what) return std::string{to_string(c.found.state)} + " " + c.found.reason;
  return "absent";
}

}  // namespace

TEST_CASE("a domain fails, is told, and passes when the records stand") {
  preflight_world w;
  const auto bare = w.look("");
  REQUIRE(bare.has_value());
  CHECK(bare->state() == check_state::fail);
  CHECK(said(*bare, "dkim") == "fail dkim.missing");
  CHECK(said(*bare, "dmarc") == "fail dmarc.missing");
  CHECK(said(*bare, "spf") == "warn spf.missing");
  CHECK(said(*bare, "return_path") == "fail return_path.missing");
  w.tell();
  REQUIRE(w.letters().size() == 1);
  const auto letter = w.letters().front();
  CHECK_THAT(letter.text, Catch::Contains("_dmarc.shop.test. IN TXT \"v=DMARC1; p=none"));
  CHECK_THAT(letter.text, Catch::Contains("c1r._domainkey.shop.test. IN TXT \"v=DKIM1; k=rsa"));
  CHECK_THAT(letter.text, Catch::Contains("\" \""));  // the key is longer than a string may be
  CHECK_THAT(letter.text, !Catch::Contains("ten minutes"));  // nobody promises that

  // Once per change, not once per look.
  REQUIRE(w.look("").has_value());
  w.tell();
  CHECK(w.letters().size() == 1);

  const auto mended = w.look(w.rsa_record + w.good);
  REQUIRE(mended.has_value());
  CHECK(mended->state() == check_state::pass);
  CHECK(said(*mended, "return_path") == "pass ok");
  w.tell();
  REQUIRE(w.letters().size() == 2);
  CHECK_THAT(w.letters().back().text, Catch::Contains("in order"));
  std::vector<std::string> changes;
  for (const auto& e : w.events(event_kind::domain_changed))
    if (e.facts.contains("preflight"))
      changes.push_back(e.facts.at("preflight_was") + ">" + e.facts.at("preflight"));
  CHECK(changes == std::vector<std::string>{"none>fail", "fail>pass"});
}

TEST_CASE("a domain that is not the tenant's is not looked at") {
  preflight_world w;
  CHECK(w.look("", "other.test").error().kind == failure_kind::not_found);
}

TEST_CASE("a second failure within a day is told when the day is over") {
  using namespace std::chrono_literals;
  preflight_world w;
  const auto mended = w.rsa_record + w.good;
  w.look_and_tell("");
  w.look_and_tell(mended);
  w.look_and_tell("");
  CHECK(w.letters().size() == 2);
  w.clock.advance(23h);
  w.tell();
  CHECK(w.letters().size() == 2);
  w.clock.advance(1h);
  w.tell();
  w.tell();  // once
  REQUIRE(w.letters().size() == 3);
  CHECK_THAT(w.last_subject(), Catch::Contains("not in order"));
  w.look_and_tell(mended);
  REQUIRE(w.letters().size() == 4);
  CHECK_THAT(w.last_subject(), !Catch::Contains("not in order"));
}

TEST_CASE("what was taken back within the day is not told") {
  preflight_world w;
  const auto mended = w.rsa_record + w.good;
  w.look_and_tell("");
  w.look_and_tell(mended);
  // Read in one go, and one by one.
  REQUIRE(w.look("").has_value());
  w.look_and_tell(mended);
  w.look_and_tell("");
  w.look_and_tell(mended);
  w.clock.advance(std::chrono::hours{48});
  w.tell();
  CHECK(w.letters().size() == 2);
  // Nor is the failure of a domain that has gone.
  w.look_and_tell("");
  w.look_and_tell(mended);
  w.look_and_tell("");
  REQUIRE(w.letters().size() == 4);
  w.remove_domain("shop.test");
  w.clock.advance(std::chrono::hours{48});
  w.tell();
  CHECK(w.letters().size() == 4);
}

TEST_CASE("a look has one end, however many lookups have no answer") {
  preflight_world w;
  const silent_server server;
  smtp::dns::dns_runner r{server.settings()};
  auto o = w.options();
  o.addresses = {"192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13"};
  o.time = std::chrono::seconds{1};
  sender_preflight p{{w.rooms, w.live, w.workers, w.clock, r.dns}, o};
  const auto begun = std::chrono::steady_clock::now();
  const auto found = r.run(p.run(w.tenant, "shop.test", "gateway", true));
  // One lookup alone would take ten seconds.
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{8});
  REQUIRE(found.has_value());
  CHECK(found->state() == check_state::unknown);
  CHECK(said(*found, "dkim") == "unknown dkim.dns");
  CHECK(said(*found, "return_path") == "unknown return_path.dns");
}

TEST_CASE("of a tenant one person asks at a time") {
  preflight_world w;
  w.add_domain(w.tenant, "other.test");
  const auto rival = w.add_tenant("rival");
  w.add_domain(rival, "www.shop.test");
  const silent_server server;
  smtp::dns::dns_runner r{server.settings()};
  auto o = w.options();
  o.time = std::chrono::seconds{2};
  sender_preflight p{{w.rooms, w.live, w.workers, w.clock, r.dns}, o};
  const auto ask = [&](tenant_id tenant, const char* domain, bool is_fresh) {
    return boost::asio::co_spawn(r.io(), p.run(tenant, domain, "desk:anna", is_fresh),
                                 boost::asio::use_future);
  };
  auto first = ask(w.tenant, "shop.test", true);
  auto again = ask(w.tenant, "shop.test", true);
  auto other = ask(w.tenant, "other.test", true);
  auto by_itself = ask(w.tenant, "shop.test", false);
  auto rivals = ask(rival, "www.shop.test", true);
  CHECK(again.get().error().kind == failure_kind::conflict);
  CHECK(other.get().error().kind == failure_kind::conflict);
  CHECK(first.get().has_value());
  CHECK(by_itself.get().has_value());
  CHECK(rivals.get().has_value());
  w.clock.advance(std::chrono::minutes{1});
  CHECK(ask(w.tenant, "shop.test", true).get().has_value());
}

TEST_CASE("what was found of a domain that went meanwhile, or came anew, is not kept") {
  preflight_world w;
  silent_server server;
  smtp::dns::dns_runner r{server.settings()};
  auto o = w.options();
  o.time = std::chrono::seconds{2};
  sender_preflight p{{w.rooms, w.live, w.workers, w.clock, r.dns}, o};
  auto look = boost::asio::co_spawn(r.io(), p.run(w.tenant, "shop.test", "gateway", false),
                                    boost::asio::use_future);
  server.question();  // it has begun
  w.remove_domain("shop.test");
  w.clock.advance(std::chrono::seconds{1});
  w.add_domain(w.tenant, "shop.test");
  CHECK(look.get().error().kind == failure_kind::not_found);
  CHECK_FALSE(
      w.read([&](read_txn& txn) { return w.rooms.preflights.find(txn, w.tenant, "shop.test"); }));
  for (const auto& e : w.events(event_kind::domain_changed))
    CHECK_FALSE(e.facts.contains("preflight"));
}

TEST_CASE("a record that two checks ask for is shown once, as a line of a zone too") {
  preflight_world w;
  w.return_path_domain = "shop.test";
  REQUIRE(w.look("").has_value());
  const auto shown = boost::json::parse(
      w.ask("GET", {"tenants", "shop", "domains", "shop.test", "preflight"}).body);
  const auto& records = shown.at("records").as_array();
  CHECK(records.size() == 4);  // two keys, DMARC, SPF
  CHECK(records.at(3).at("zone_line") == "shop.test. IN TXT \"v=spf1 ip4:192.0.2.10 ?all\"");
}

TEST_CASE("the operators' HTTP tells what is known, and to others nothing") {
  preflight_world w;
  const std::vector<std::string> path{"tenants", "shop", "domains", "shop.test", "preflight"};
  const auto before = boost::json::parse(w.ask("GET", path).body).as_object();
  CHECK(before.at("state") == "unknown");
  CHECK(before.at("refuses_bulk") == false);
  REQUIRE(w.look("").has_value());
  const auto after = boost::json::parse(w.ask("GET", path).body).as_object();
  CHECK(after.at("state") == "fail");
  CHECK(after.at("refuses_bulk") == true);
  CHECK(after.at("records").as_array().size() == 5);
  w.add_tenant("rival");
  CHECK(w.ask("GET", {"tenants", "rival", "domains", "shop.test", "preflight"}).status == 404);
  CHECK(w.ask("POST", path, "{}").status == 503);  // nobody looks in this world
  CHECK(w.ask("POST", {"tenants", "shop", "domains", "shop.test", "remove"}, R"({"reason":"sold"})")
            .status == 200);
  CHECK_FALSE(
      w.read([&](read_txn& txn) { return w.rooms.preflights.find(txn, w.tenant, "shop.test"); }));
}

TEST_CASE("RFC 7505: a null MX is known at RCPT, where no route leads elsewhere") {
  preflight_world w;
  const smtp::dns::scratch_folder place;
  smtp::dns::dns_runner r{smtp::dns::embedded(place, "shop.test",
                                              head + "none MX 0 .\ntwo MX 0 .\ntwo MX 10 mx\nmx A "
                                                     "192.0.2.1\nsome MX 10 mx\n")};
  w.live.routes.set(std::make_shared<const queue::route_table>());
  null_mx watch{r.dns, w.live, w.clock};
  const auto takes_none = [&](const std::string& d) { return r.run(watch.takes_no_mail(d)); };
  CHECK(takes_none("none.shop.test"));
  CHECK(takes_none("none.shop.test"));
  CHECK_FALSE(takes_none("some.shop.test"));
  CHECK_FALSE(takes_none("two.shop.test"));  // beside others "." means nothing
  CHECK_FALSE(takes_none("mx.shop.test"));
  CHECK_FALSE(takes_none("nowhere.shop.test"));
  CHECK_FALSE(takes_none("[192.0.2.1]"));
  w.live.routes.set(std::make_shared<const queue::route_table>(
      std::vector<queue::route>{{.pattern = "*", .host = "127.0.0.1", .port = 25}}));
  CHECK_FALSE(takes_none("none.shop.test"));
}

TEST_CASE("a DNS that does not answer holds nobody up for long") {
  tests::tenant_world w;
  w.live.routes.set(std::make_shared<const queue::route_table>());
  silent_server server;
  smtp::dns::dns_runner r{server.settings()};
  null_mx watch{r.dns, w.live, w.clock};
  for (int n = 0; n < 100; ++n)
    CHECK_FALSE(r.run(watch.takes_no_mail("d" + std::to_string(n) + ".shop.test")));
  // Those of the first were waited for; of the others nobody even asked.
  const auto asked = server.questions();
  CHECK(asked.contains("d0"));
  CHECK(asked.size() <= 20);
}
