#include "tests/unit/app/tenant_world.h"

#include <algorithm>

#include "app/tenant_notices.h"
#include "base/secret.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::tests {
namespace {

smtp::dns::resolver_settings silent_dns() {
  smtp::dns::resolver_settings s;
  s.forwarders = {"127.0.0.1@9"};
  s.timeout = std::chrono::milliseconds{200};
  return s;
}

}  // namespace

tenant_world::tenant_world(const std::filesystem::path& store)
    : app_world{store},
      dns{dns_io.get_executor(), silent_dns()},
      care{.rooms = rooms,
           .workers = workers,
           .clock = clock,
           .dns = dns,
           .host_name = "mx.test",
           .postmaster = smtp::mailbox::parse("postmaster@mx.test").value(),
           .public_origin = "https://mx.test",
           .dkim_folder = folder.path() / "dkim",
           .exports_folder = folder.path() / "exports",
           .export_key = std::string(32, 'e'),
           .notify_queue = [](instant) {},
           .reload_dkim_keys =
               [this] { live.dkim_keys.set(smtp::auth::key_ring::load(folder.path() / "dkim")); },
           .request_compaction = [this] { ++compactions; }},
      api{.rooms = rooms,
          .live = live,
          .workers = workers,
          .clock = clock,
          .dkim_folder = folder.path() / "dkim",
          .host_name = "mx.test",
          .notify_queue = [](instant) {},
          .reload_dkim_keys = care.reload_dkim_keys,
          .care = &care} {
  create_key_folder(folder.path() / "dkim").value();
  care.reload_dkim_keys();
}

tenant_world::~tenant_world() = default;

app::admin::response tenant_world::ask(const std::string& method, std::vector<std::string> path,
                                       const std::string& body) {
  return ask_as("anna", method, std::move(path), body);
}

app::admin::response tenant_world::ask_as(const std::string& person, const std::string& method,
                                          std::vector<std::string> path, const std::string& body) {
  app::admin::request r;
  r.method = method;
  r.path = std::move(path);
  r.path.insert(r.path.begin(), "v1");
  r.body = body;
  r.person = person;
  r.as = policy::tenants::role::admin;
  r.headers["x-reason"] = "a test";
  try {
    return wait_for(app::admin::serve(api, std::move(r)));
  } catch (const configuration_error& e) {
    return app::admin::problem(422, e.what());  // as the server does
  }
}

std::vector<tenant_world::letter> tenant_world::letters() {
  std::vector<letter> out;
  read([&](read_txn& txn) {
    std::string resume;
    for (auto& m : rooms.queue.list(txn, {}, resume, 1000)) {
      if (!m.is_notice) continue;
      const auto data = rooms.bodies.read(m.body_at).value();
      const auto mail = smtp::mime::walk(data);
      letter l;
      l.to = rooms.queue.recipients_of(txn, m).at(0).address;
      l.subject = mail.header("subject")->text;
      l.text = mail.parts.at(0).text;
      l.message = m;
      out.push_back(std::move(l));
    }
    return 0;
  });
  std::ranges::sort(out, {}, [](const letter& l) { return l.message.id; });
  return out;
}

void tenant_world::tell() {
  wait_for(app::send_all_tenant_notices(care)).value();
}

}  // namespace consentry::tests
