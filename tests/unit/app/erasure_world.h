// A tenant with mail, consents and files, for the tests of persons' rights.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "app/erasure.h"
#include "app/person_report.h"
#include "app/store_maintenance.h"
#include "tests/unit/app/app_world.h"

namespace consentry::tests {

using namespace consentry::app;

inline const std::string jane = "jane.doe@example.hu";

struct erasure_world : app_world {
  tenant_id shop = add_tenant("shop");
  std::filesystem::path store = folder.path() / "store";
  std::vector<erasure_hook> hooks{blank_below(store / "imports")};
  erasure_parts parts{.rooms = rooms, .clock = clock, .hooks = hooks};
  store_maintenance maintenance{rooms, clock, {.reserve_bytes = 0, .share = 1.0}};

  erasure_report erase(const std::string& address = jane) {
    return erase_person(parts, {.tenant = shop,
                                .address = address,
                                .reason = "letter of May 3",
                                .actor = "desk:eva"})
        .value();
  }
  void name_person(const std::string& address, const std::string& name) {
    change([&](write_txn& txn) {
      rooms.consents.put_person(txn, shop, person_of(shop, address), {address, name});
    });
  }
  message_id send(const std::string& body, std::vector<std::string> to,
                  smtp::stream stream = smtp::stream::bulk) {
    auto spooled = rooms.bodies.append(body).value();
    queue::queued_message m;
    m.tenant = shop;
    m.stream = stream;
    m.campaign = "spring";
    m.topic = "news";
    m.reverse_path = "news@shop.test";
    m.original_message_id = "<77." + to.front() + "@crm.test>";
    m.accepted_at = clock.now();
    m.expires_at = clock.now() + std::chrono::hours{72};
    m.body_at = spooled.location;
    std::vector<queue::queued_recipient> rows;
    for (const auto& a : to) {
      queue::queued_recipient r;
      r.address = a;
      r.domain = smtp::mailbox::parse(a).value().ascii_domain();
      r.person = person_of(shop, a);
      r.orcpt = "rfc822;" + a;
      r.next_attempt_at = r.changed_at = clock.now();
      rows.push_back(r);
    }
    message_id id;
    change([&](write_txn& txn) { id = rooms.queue.accept(txn, m, rows); });
    return id;
  }
  // Every file of the store that holds the words.
  std::vector<std::string> files_with(std::string_view words) const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(store)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in{entry.path(), std::ios::binary};
      const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
      if (bytes.find(words) != std::string::npos)
        out.push_back(std::filesystem::relative(entry.path(), store).string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  boost::json::object report(const std::string& address = jane) {
    return report_person(rooms, clock, shop, address).value();
  }
};

inline const std::string letter_to_jane =
    "From: news@shop.test\r\nTo: \"Jane Doe-Kovacs\" <jane.doe@example.hu>\r\nSubject: x\r\n\r\n"
    "Dear Jane Doe-Kovacs\r\n";

}  // namespace consentry::tests
