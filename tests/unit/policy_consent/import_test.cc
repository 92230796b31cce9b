#include "policy/consent/import.h"

#include <catch2/catch.hpp>

#include "tests/unit/policy_consent/import_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

namespace {

const auto& header = import_header;

result<planned> plan(const std::string& file, import_format format = import_format::csv,
                     const std::string& known = "") {
  return plan_text(file, request(format), lookup(known));
}

std::string whole(const result<planned>& r) {
  return r ? "taken" : r.error().public_text;
}

}  // namespace

TEST_CASE("5.4: a file that does not say it row by row is rejected whole") {
  struct row {
    const char* file;
    const char* says;
  };
  for (const row& r : {
           row{"", "is empty"},
           row{"email,topic,given_at,method,provenance,notice_hash\n", "no rows"},
           row{"email,topic,method,provenance,notice_hash\na@b.hu,news,web,own,x\n",
               "no column given_at"},
           row{"email,topic,given_at,provenance,notice_hash\n", "no column method"},
           row{"email,topic,given_at,method,notice_hash\n", "no column provenance"},
           row{"email,given_at,method,provenance,notice_hash\n", "no column topic"},
           row{"topic,given_at,method,provenance,notice_hash\n", "no column email"},
           row{"email,topic,given_at,method,provenance\n", "no column notice_hash or evidence"},
           row{"a@b.hu\nc@d.hu\n", "no column"},
           row{"email,email,topic,given_at,method,provenance,notice_hash\n", "stands twice"},
           row{"email,topic,given_at,method,provenance,notice_hash,unsubscribed\n", "withdrawals"},
           row{"email,topic,given_at,method,provenance,notice_hash\n\"a@b.hu,x\n",
               "line 2: a quote that never closes"},
       }) {
    INFO(r.file);
    CHECK_THAT(whole(plan(r.file)), Catch::Contains(r.says));
  }
  CHECK_THAT(whole(plan("{\"email\":\"a@b.hu\"}\n", import_format::ndjson)),
             Catch::Contains("no row has topic"));
}

TEST_CASE("rows are refused one by one, with line and reason") {
  struct row {
    const char* line;
    const char* reason;  // "": taken
  };
  for (const row& r : {
           row{"a@b.hu,news,2026-01-10T10:00:00+01:00,web_form,own_form,h", ""},
           row{"info@b.hu,news,2026-01-10,web_form,own_form,h", ""},
           row{"a@b,c@d,news,2026-01-10,web_form,own_form,h", "import.row_broken"},
           row{"\"a@b.hu\"x,news,2026-01-10,web_form,own_form,h", "import.row_broken"},
           row{"not an address,news,2026-01-10,web_form,own_form,h", "import.address_invalid"},
           row{",news,2026-01-10,web_form,own_form,h", "import.address_invalid"},
           row{"a@b.hu,,2026-01-10,web_form,own_form,h", "import.topic_missing"},
           row{"a@b.hu,news,,web_form,own_form,h", "import.given_at_missing"},
           row{"a@b.hu,news,last spring,web_form,own_form,h", "import.given_at_unparsable"},
           row{"a@b.hu,news,2026-02-30,web_form,own_form,h", "import.given_at_unparsable"},
           row{"a@b.hu,news,2026-03-15T12:04:59,web_form,own_form,h", ""},
           row{"a@b.hu,news,2026-03-15T12:05:01,web_form,own_form,h", "import.given_at_future"},
           row{"a@b.hu,news,2026-01-10,,own_form,h", "import.method_missing"},
           row{"a@b.hu,news,2026-01-10,implicit,own_form,h", "import.method_implicit"},
           row{"a@b.hu,news,2026-01-10,web_form,,h", "import.provenance_missing"},
           row{"a@b.hu,news,2026-01-10,web_form,purchased,h", "import.provenance_forbidden"},
           row{"a@b.hu,news,2026-01-10,web_form,rented,h", "import.provenance_forbidden"},
           row{"a@b.hu,news,2026-01-10,web_form,other_company,h", "import.provenance_forbidden"},
           row{"a@b.hu,news,2026-01-10,web_form,harvested,h", "import.provenance_forbidden"},
           row{"a@b.hu,news,2026-01-10,web_form,mailbox_copy,h", "import.provenance_forbidden"},
           row{"a@b.hu,news,2026-01-10,web_form,unknown,h", "import.provenance_forbidden"},
           row{"a@b.hu,news,2026-01-10,web_form,own_form,", "import.evidence_missing"},
           // 5.4: exactly six months passes.
           row{"a@b.hu,news,2025-09-15,web_form,own_form,h", ""},
           row{"a@b.hu,news,2025-09-14T23:59:59,web_form,own_form,h", "import.too_old"},
       }) {
    INFO(r.line);
    const auto p = plan(header + "\n" + r.line + "\n");
    REQUIRE(p.has_value());
    CHECK(p->plan.rows_read == 1);
    const auto refused = p->refused();
    if (std::string_view{r.reason}.empty()) {
      CHECK(p->rows().size() == 1);
      CHECK(refused.empty());
    } else {
      REQUIRE(refused.size() == 1);
      CHECK(p->rows().empty());
      CHECK(refused[0].reason == r.reason);
      CHECK(refused[0].line == 2);
      CHECK(refused[0].row == r.line);
      CHECK(p->plan.refused_by_reason.at(r.reason) == 1);
    }
  }
}

TEST_CASE("5.4: proof of life is the newest sign, and stored addresses need none") {
  const auto six = [](const std::string& row, const std::string& known = "") {
    const auto p =
        plan(header + ",last_delivery_at,last_click_at\n" + row, import_format::csv, known);
    REQUIRE(p.has_value());
    const auto refused = p->refused();
    return refused.empty() ? "taken" : refused[0].reason;
  };
  const std::string old = "a@b.hu,news,2025-04-01,web_form,own_form,h,";
  CHECK(six(old + ",") == "import.too_old");
  CHECK(six(old + "2025-09-15,") == "taken");
  CHECK(six(old + "2025-09-14,") == "import.too_old");
  CHECK(six(old + ",2026-03-01") == "taken");
  CHECK(six(old + ",2027-03-01") == "import.too_old");  // a sign from the future is none
  CHECK(six(old + ",", "a") == "taken");
}

TEST_CASE("D3: a row that tells of a withdrawal is always taken as one") {
  for (const char* row : {
           "a@b.hu,news,2026-01-10,web_form,own_form,h,2026-02-01",
           "a@b.hu,news,2019-01-10,web_form,own_form,h,2026-02-01",
           "a@b.hu,news,2026-01-10,web_form,purchased,h,2026-02-01",
           "a@b.hu,news,,,,,2026-02-01",
           "a@b.hu,news,2026-01-10,web_form,own_form,h,yes",
           "a@b.hu,news,2026-02-01T08:00:00,web_form,own_form,h,2026-02-01",
       }) {
    INFO(row);
    const auto p = plan(header + ",withdrawn_at\n" + row);
    REQUIRE(p.has_value());
    const auto rows = p->rows();
    REQUIRE(rows.size() == 1);
    CHECK(p->plan.withdrawals == 1);
    CHECK(rows[0].record.is_withdrawn());
    CHECK(rows[0].record.ip.empty());
    CHECK(rows[0].record.method.empty());
    world w;
    const auto sum = import_into(w, header + ",withdrawn_at\n" + row);
    CHECK(sum.withdrawals == 1);
    CHECK(w.state(key_of("a")) == "withdrawn");
    CHECK(w.history() == std::vector<std::string>{"consent_imported", "consent_withdrawn"});
  }
  SECTION("without a topic it is one of all topics") {
    world w;
    import_into(w, header + ",withdrawn_at\na@b.hu,,,,,,2026-02-01\n");
    CHECK(w.state(key_of("a", "anything")) == "withdrawn");
  }
  SECTION("consent newer than the withdrawal counts") {
    world w;
    import_into(w, header + ",withdrawn_at\na@b.hu,news,2026-02-02,web,own_form,h,2026-02-01\n");
    CHECK(w.state(key_of("a")) == "given");
  }
}

TEST_CASE("D3: importing the old list again does not revive who withdrew") {
  world w;
  const auto file = header +
                    "\njane@b.hu,news,2026-01-10,web_form,own_form,h\n"
                    "john@b.hu,news,2026-01-10,web_form,own_form,h\n";
  CHECK(import_into(w, file).added == 2);
  w.withdraw(key_of("jane"), "2026-02-01");
  const auto again = import_into(w, file);
  CHECK(again.still_withdrawn == 1);
  CHECK(again.kept == 1);
  CHECK(w.state(key_of("jane")) == "withdrawn");
  CHECK(w.state(key_of("john")) == "given");
}

TEST_CASE(
    "A4: a later purchase with the box unticked is remembered, an earlier one not against it") {
  world w;
  import_into(w, header +
                     ",tick,purchase_day\n"
                     "a@b.hu,news,2026-01-10,purchase,own_shop,h,ticked,2026-01-10\n"
                     "a@b.hu,news,2026-02-10,purchase,own_shop,h,unticked,2026-02-10\n");
  const auto r = w.find(key_of("a"));
  REQUIRE(r);
  CHECK(r->given_at == at("2026-01-10"));
  CHECK(r->unticked_at == at("2026-02-10"));
}

TEST_CASE("RFC 4180: quotes, line ends, separators, byte order mark") {
  const auto p = plan(
      "\xEF\xBB\xBF"
      "EMAIL;Topic;given_at;method;provenance;evidence;name\r\n"
      "\r\n"
      "\"a@b.hu\";\"news; and "
      "\"\"offers\"\"\";2026-01-10;web_form;own_form;\"two\r\nlines\";Éva\r\n"
      "broken;row\r\n"
      "c@d.hu;news;2026-01-10;web_form;own_form;x;Béla");
  REQUIRE(p.has_value());
  const auto rows = p->rows();
  REQUIRE(rows.size() == 2);
  CHECK(p->plan.rows_read == 3);
  const auto& first = rows[0].person.address == "a@b.hu" ? rows[0] : rows[1];
  CHECK(first.key.topic == "news; and \"offers\"");
  CHECK(first.record.evidence_reference == "two\r\nlines");
  CHECK(first.person.name == "Éva");
  REQUIRE(p->refused().size() == 1);
  CHECK(p->refused()[0].line == 5);
}

TEST_CASE("NDJSON rows") {
  const auto p = plan(
      "{\"email\":\"A@B.hu\",\"topic\":\"news\",\"given_at\":\"2026-01-10\",\"method\":\"web\","
      "\"provenance\":\"own_form\",\"notice_hash\":\"h\",\"ip\":null,\"sender\":\"Brand\"}\n"
      "\n"
      "[1]\n"
      "{\"email\":7}\n"
      "{\"email\":\"c@d.hu\",\"shoe_size\":\"41\"}\n",
      import_format::ndjson);
  REQUIRE(p.has_value());
  const auto rows = p->rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].person.address == "a@b.hu");
  CHECK(rows[0].key.sender == "Brand");
  const auto refused = p->refused();
  REQUIRE(refused.size() == 3);
  CHECK(refused[0].line == 3);
  CHECK(refused[1].reason == "import.row_broken");
  CHECK(refused[2].reason == "import.topic_missing");
  CHECK(p->plan.ignored_columns == std::vector<std::string>{"shoe_size"});
}

TEST_CASE("an import is bounded") {
  import_limits limits;
  limits.rows_max = 1;
  const auto row = "a@b.hu,news,2026-01-10,web_form,own_form,h\n";
  CHECK_THAT(whole(plan_text(header + "\n" + row + row, request(), lookup(), limits)),
             Catch::Contains("more than 1 rows"));
  limits = {};
  limits.field_bytes_max = 10;
  const auto p = plan_text(header + "\na@b.hu,news,2026-01-10,web_form_too_long,own_form,h\n",
                           request(), lookup(), limits);
  REQUIRE(p.has_value());
  CHECK(p->refused().at(0).reason == "import.field_too_long");
  CHECK(plan(header + "\na@b.hu,n\xFFws,2026-01-10,web,own_form,h\n")->refused().at(0).reason ==
        "import.not_utf8");
  CHECK_THAT(whole(plan(header + "\n" + std::string(3u << 20, 'x'))),
             Catch::Contains("line 2: a row without an end"));
  const auto long_row = plan(header + "\n" + std::string(70u << 10, 'x') + "\n" + row);
  REQUIRE(long_row.has_value());
  CHECK(long_row->plan.taken == 1);
  CHECK(long_row->refused().at(0).text == "the row is too long");
}

TEST_CASE("an import is applied in slices sorted by key, and goes on where a failure stopped it") {
  std::string file = header + "\n";
  for (int i = 0; i < 25; ++i)
    file += "p" + std::to_string((i * 7) % 25) + "@b.hu,news,2026-01-10,web,own_form,h\n";
  const auto p = plan(file);
  REQUIRE(p.has_value());
  const auto rows = p->rows();
  CHECK(rows.size() == 25);
  CHECK(std::ranges::is_sorted(rows, {}, [](const auto& r) { return stored_key(r.key); }));
  world w;
  int slices = 0;
  const auto twice = submit_twice(w);
  const submit_slice submit = [&](commit_loop::operation op) {
    if (++slices != 3) return twice(std::move(op));
    std::promise<result<void>> failed;
    failed.set_value(failure{.kind = failure_kind::storage_full, .public_text = "full"});
    return failed.get_future();
  };
  import_position noted;
  apply_options options{.slice_rows = 10};
  options.note = [&](write_txn&, const import_position& at) { noted = at; };
  const auto failed = apply_import(p->plan.runs, request(), w.ledger, submit, options);
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().kind == failure_kind::storage_full);
  CHECK(noted.rows == 20);
  CHECK(noted.sum.added == 20);
  CHECK(w.history() == std::vector<std::string>{"consent_imported", "consent_imported"});
  options.from = noted;
  const auto done = apply_import(p->plan.runs, request(), w.ledger, submit, options);
  REQUIRE(done.has_value());
  CHECK(done->rows == 25);
  CHECK(done->sum.added == 25);
  CHECK(done->sum.kept == 0);
  CHECK(w.journal.tail(w.env.begin_read(), 1).at(0).what.facts.at("rows") == "5");
  SECTION("from the start again it changes nothing") {
    options.from = {};
    const auto again = apply_import(p->plan.runs, request(), w.ledger, submit, options);
    REQUIRE(again.has_value());
    CHECK(again->sum.kept == 25);
  }
}

TEST_CASE("D3: a consent from a clock that is a little fast does not outlive a withdrawal") {
  world w;
  // Four minutes ahead of the gateway; withdrawn a minute after the import.
  import_into(w, header + "\nanna@b.hu,news,2026-03-15T12:04:00,web_form,own_form,h\n");
  const consent_key key{tenant_id{1}, person("anna"), "Shop Kft.", "news"};
  const auto at = request().now + std::chrono::minutes{1};
  w.write([&](write_txn& txn) { w.ledger.withdraw(txn, key, at, "one_click", {.at = at}); });
  const auto found = w.ledger.find(w.env.begin_read(), key);
  REQUIRE(found);
  CHECK(found->is_withdrawn());
  CHECK(found->given_at_text == "2026-03-15T12:04:00");
}
