#include "policy/consent/import_rows.h"

#include <catch2/catch.hpp>

#include "tests/unit/policy_consent/import_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

TEST_CASE("a mapping renames the file's columns") {
  auto r = request();
  r.mapping =
      "E-mail cím=email; Feliratkozás = given_at;Lista=topic;Forrás=provenance;"
      "Leiratkozás=withdrawn_at";
  const auto p = plan_text(
      "E-mail cím;Lista;Feliratkozás;method;Forrás;notice_hash;Leiratkozás\n"
      "a@b.hu;hírek;2026-01-10;web_form;own_form;h;\n"
      "c@b.hu;hírek;2026-01-10;web_form;own_form;h;2026-02-01\n",
      r);
  REQUIRE(p.has_value());
  CHECK(p->plan.taken == 2);
  CHECK(p->plan.withdrawals == 1);
  CHECK(p->plan.ignored_columns.empty());
  SECTION("of NDJSON too") {
    r.format = import_format::ndjson;
    const auto j = plan_text(
        "{\"E-mail cím\":\"a@b.hu\",\"Lista\":\"hírek\",\"Feliratkozás\":\"2026-01-10\","
        "\"method\":\"web_form\",\"Forrás\":\"own_form\",\"notice_hash\":\"h\"}\n",
        r);
    REQUIRE(j.has_value());
    CHECK(j->plan.taken == 1);
    CHECK(j->rows(r)[0].key.topic == "hírek");
  }
}

TEST_CASE("a mapping that cannot be meant is refused") {
  struct row {
    const char* mapping;
    const char* says;
  };
  for (const row& m : {
           row{"E-mail", "is not NAME=field"},
           row{"E-mail=address", "no field address"},
           row{"=email", "a column name is missing"},
           row{"x=email;X=topic", "stands twice"},
           row{"Mail=email", "no column mail, which the mapping names"},
           row{"topic=email", "column email stands twice"},
       }) {
    INFO(m.mapping);
    auto r = request();
    r.mapping = m.mapping;
    const auto p = plan_text(import_header + "\na@b.hu,news,2026-01-10,web,own_form,h\n", r);
    REQUIRE_FALSE(p.has_value());
    CHECK_THAT(p.error().public_text, Catch::Contains(m.says));
  }
}

TEST_CASE("the delimiter is found, or given") {
  for (const char d : {',', ';', '\t', '|'}) {
    std::string text = import_header + "\na@b.hu,news,2026-01-10,web,own_form,h\n";
    std::ranges::replace(text, ',', d);
    const auto p = plan_text(text);
    REQUIRE(p.has_value());
    CHECK(p->plan.taken == 1);
  }
  auto r = request();
  r.delimiter = ';';
  const auto p = plan_text(
      "email;topic;given_at;method;provenance;notice_hash;a,b,c,d,e,f,g\n"
      "a@b.hu;news;2026-01-10;web;own_form;h;x\n",
      r);
  REQUIRE(p.has_value());
  CHECK(p->plan.taken == 1);
}

TEST_CASE("the reject file holds line, reason, text and the row as it stood") {
  const auto p = plan_text(import_header +
                           "\n\"a\"\"b\"@x,\"news,\n2\",2026-01-10,web,own_form,h\n"
                           "ok@b.hu,news,2026-01-10,web,own_form,h\n"
                           "nobody,news,2026-01-10,web,own_form,h\n");
  REQUIRE(p.has_value());
  const auto rejects = p->rejects();
  CHECK_THAT(rejects, Catch::StartsWith("line,reason,text,row\n2,import.row_broken,"));
  const auto refused = p->refused();
  REQUIRE(refused.size() == 2);
  CHECK(refused[0].row == "\"a\"\"b\"@x,\"news,\n2\",2026-01-10,web,own_form,h");
  CHECK(refused[1].line == 5);
  CHECK(refused[1].row == "nobody,news,2026-01-10,web,own_form,h");
}

TEST_CASE("whole records end outside quotes") {
  file_layout layout;
  struct row {
    const char* text;
    std::size_t open, at_end;  // whole bytes while more may come, and at the end of the file
  };
  for (const row& r : {
           row{"", 0, 0}, row{"a,b", 0, 3}, row{"a,b\n", 4, 4}, row{"a,b\nc", 4, 5},
           row{"a,\"b\nc\"\nd\n", 10, 10}, row{"a,\"b\nc", 0, 0}, row{"x\na,\"b\nc", 2, 2},
           row{"a b\"c\nd\n", 8, 8},                                // no field begins with it
           row{"\"a\"\"\n\"\n", 7, 7}, row{"\"a\"b\n\"c\n", 5, 5},  // the second quote is open
       }) {
    INFO(r.text);
    CHECK(whole_records(r.text, layout, false) == r.open);
    CHECK(whole_records(r.text, layout, true) == r.at_end);
  }
}

TEST_CASE("A4: the newest purchase counts, in whatever order rows tell of it") {
  const std::string header = import_header + ",tick,purchase_day\n";
  const std::string older = "a@b.hu,news,2026-01-10,purchase,own_shop,h,ticked,2026-01-10\n";
  const std::string newer = "a@b.hu,news,2026-02-10,purchase,own_shop,h,ticked,2026-02-10\n";
  for (const auto& file : {header + older + newer, header + newer + older}) {
    world w;
    import_into(w, file);
    CHECK(consentry::to_string(*w.find(key_of("a"))->purchase_day) == "2026-02-10");
  }
  world w;
  import_into(w, header + newer);
  CHECK(import_into(w, header + older).kept == 1);
  CHECK(consentry::to_string(*w.find(key_of("a"))->purchase_day) == "2026-02-10");
}

TEST_CASE("D1: both acts of a double opt-in come with a row, and how the box came") {
  const std::string header =
      import_header +
      ",confirmed_at,doi_sent_at,confirmed_ip,confirmed_user_agent,box_came_ticked\n";
  const std::string row = "a@b.hu,news,2026-01-10T10:00:00,web,own_form,h,";
  world w;
  import_into(w, header + row +
                     "2026-01-10T10:05:00,2026-01-10T10:00:01,192.0.2.2,\"Firefox, 1\",No\n"
                     "b@b.hu,news,2026-01-10,web,own_form,h,,,192.0.2.2,Firefox,yes\n");
  const auto r = w.find(key_of("a"));
  REQUIRE(r);
  CHECK(to_string_budapest(*r->doi_sent_at) == "2026-01-10T10:00:01+01:00");
  CHECK(to_string_budapest(*r->confirmed_at) == "2026-01-10T10:05:00+01:00");
  CHECK(r->confirmed_ip == "192.0.2.2");
  CHECK(r->confirmed_user_agent == "Firefox, 1");
  CHECK(r->box_came_ticked == false);
  const auto b = w.find(key_of("b"));
  REQUIRE(b);
  CHECK(b->box_came_ticked == true);
  // Nobody confirmed.
  CHECK(b->confirmed_ip.empty());
  const auto bad =
      plan_text(header + row + ",soon,,,\n" + row + ",2030-01-01,,,\n" + row + ",,,,perhaps\n");
  REQUIRE(bad.has_value());
  CHECK(bad->refused().at(0).reason == "import.doi_sent_at_invalid");
  CHECK(bad->refused().at(1).reason == "import.doi_sent_at_invalid");
  CHECK(bad->refused().at(2).reason == "import.box_came_ticked_unknown");
}

TEST_CASE("D1: purchase, age and expiry come with a row") {
  const std::string header = import_header + ",purchase_id,birth_day,expires_on\n";
  const std::string row = "a@b.hu,news,2026-01-10,web,own_form,h,";
  world w;
  import_into(w, header + row + "order 7,1980-02-29,2026-12-31\n");
  const auto r = w.find(key_of("a"));
  REQUIRE(r);
  CHECK(r->purchase_id == "order 7");
  CHECK(consentry::to_string(*r->birth_day) == "1980-02-29");
  CHECK(consentry::to_string(*r->expires_on) == "2026-12-31");
  const auto bad = plan_text(header + row + ",30 years,\n" + row + ",,next year\n");
  REQUIRE(bad.has_value());
  CHECK(bad->refused().at(0).reason == "import.birth_day_invalid");
  CHECK(bad->refused().at(1).reason == "import.expires_on_invalid");
}
