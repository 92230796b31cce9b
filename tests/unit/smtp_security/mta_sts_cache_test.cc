// Policies in the store and records in the DNS. What comes over HTTPS is the system tests'.
#include "smtp/security/mta_sts_cache.h"

#include <catch2/catch.hpp>

#include "tests/support/temp_folder.h"
#include "tests/unit/smtp_dns/dns_fixture.h"

namespace consentry::smtp::security {
namespace {

constexpr instant noon = from_ms(1'790'000'000'000);
constexpr const char* zone = R"($ORIGIN test.
$TTL 60
@              SOA ns. admin. 1 60 60 60 60
@              NS  ns.test.
_mta-sts.same  TXT "v=STSv1; id=old;"
_mta-sts.new   TXT "v=STSv1; id=new;"
mta-sts.new    A   127.0.0.1
plain          A   127.0.0.1
)";

struct world {
  world() {
    // Nobody listens on port 9.
    settings.port = 9;
    settings.allow_loopback = true;
  }
  ~world() {
    if (cache) runner.run(shut());
  }
  boost::asio::awaitable<bool> shut() {
    co_await cache->close();
    co_return true;
  }
  void keep(const std::string& domain, std::uint32_t max_age_s, instant fetched_at) {
    sts_policy p;
    p.mode = sts_mode::enforce;
    p.mx = {"mx." + domain};
    p.max_age_s = max_age_s;
    p.id = "old";
    p.fetched_at = fetched_at;
    commits.run([&](write_txn& txn) { store.put(txn, domain, p); }).value();
  }
  sts_finding find(const std::string& domain) {
    if (!cache)
      cache = std::make_unique<mta_sts_cache>(
          mta_sts_cache::parts{.executor = runner.io().get_executor(),
                               .dns = runner.dns,
                               .env = env,
                               .commits = commits,
                               .store = store,
                               .workers = workers,
                               .clock = clock},
          settings);
    return runner.run(cache->find(domain)).value();
  }

  consentry::tests::temp_folder folder;
  dns::scratch_folder zones;
  store_env env{{.folder = folder.path(), .map_size = 1ULL << 28}};
  mta_sts_store store{env};
  table raw = env.open_table("sts_policies");
  commit_loop commits{env, {.reserve_bytes = 0}, [](const failure&) {}};
  worker_pool workers{2};
  manual_clock clock{noon};
  mta_sts_settings settings;
  dns::dns_runner runner{dns::embedded(zones, "test", zone)};
  std::unique_ptr<mta_sts_cache> cache;
};

}  // namespace

TEST_CASE("a domain without record and policy has none") {
  world w;
  const auto f = w.find("plain.test");
  CHECK(f.policy == nullptr);
  CHECK(f.fault == sts_fault::none);
}

TEST_CASE("a kept policy holds while its id stands, and when the record has gone, until it ends") {
  world w;
  w.keep("same.test", 3600, noon);
  w.keep("plain.test", 3600, noon);
  REQUIRE(w.find("same.test").policy);
  CHECK(w.find("same.test").policy->mx == std::vector<std::string>{"mx.same.test"});
  CHECK(w.find("same.test").fault == sts_fault::none);
  REQUIRE(w.find("plain.test").policy);
  w.clock.advance(std::chrono::seconds{3601});
  CHECK_FALSE(w.find("plain.test").policy);
}

TEST_CASE("a new policy that cannot be fetched leaves the old one in force, and is told") {
  world w;
  w.keep("new.test", 3600, noon);
  const auto f = w.find("new.test");
  REQUIRE(f.policy);
  CHECK(f.policy->id == "old");
  CHECK(f.fault == sts_fault::fetch);
}

TEST_CASE("a first policy that cannot be fetched is none") {
  world w;
  const auto f = w.find("new.test");
  CHECK_FALSE(f.policy);
  CHECK(f.fault == sts_fault::fetch);
}

TEST_CASE("a store that cannot be read is no reason to forget what was promised") {
  world w;
  w.commits.run([&](write_txn& txn) { txn.put(w.raw, "plain.test", "x"); }).value();
  w.keep("same.test", 3600, noon);
  REQUIRE(w.find("same.test").policy);
  const auto broken = w.runner.run(w.cache->find("plain.test"));
  REQUIRE_FALSE(broken.has_value());
  CHECK(broken.error().kind == failure_kind::storage_broken);
}

TEST_CASE("what has ended is trimmed from the store") {
  world w;
  w.keep("a.test", 10, noon - std::chrono::hours{1});
  w.keep("b.test", 3600 * 24, noon - std::chrono::hours{1});
  w.commits.run([&](write_txn& txn) { CHECK(w.store.trim(txn, noon, 100) == 1); }).value();
  CHECK(w.env.read([&](const read_txn& txn) { return w.store.find(txn, "b.test"); }).value());
}

}  // namespace consentry::smtp::security
