// Logins of a tenant's CRM servers.
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/tenant_json.h"
#include "app/tenant_change.h"
#include "base/secret.h"
#include "base/text.h"
#include "smtp/server/sasl.h"

namespace consentry::app::admin {
namespace {

namespace tenants = policy::tenants;

resource add_credential(api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  tenants::credential wanted;
  wanted.user = body.required_text("user");
  wanted.tenant = t.id;
  const auto stream = smtp::parse_stream(body.text("stream", "bulk"));
  wanted.campaign = body.text("campaign");
  wanted.topic = body.text("topic");
  wanted.created_at = c.clock.now();
  secret_text password{body.text("password")};
  body.finish();
  if (!stream) co_return problem(422, "stream must be one of bulk, transactional, automation, doi");
  wanted.stream = *stream;
  const bool generated = password.empty();
  if (generated) password = secret_text{base32(random_bytes(20))};
  if (password.reveal().size() < c.password_length_min)
    co_return problem(422, "password must have at least " + std::to_string(c.password_length_min) +
                               " characters");
  auto hash = [&password] { return smtp::server::make_scram_keys(password.reveal()); };
  auto scram = co_await c.workers.run(std::move(hash));
  if (!scram) co_return problem_of(scram.error());
  wanted.scram = {.salt = std::move(scram->salt),
                  .iterations = scram->iterations,
                  .stored_key = std::move(scram->stored_key),
                  .server_key = std::move(scram->server_key)};
  std::function<result<bool>(write_txn&)> f = [&c, wanted, actor = actor_of(r),
                                               at = c.clock.now()](write_txn& txn) -> result<bool> {
    auto added = c.rooms.tenants.add_credential(txn, wanted, actor, at);
    if (!added) return added.error();
    return true;
  };
  const auto added = co_await change_tenants<bool>(c.rooms, std::move(f));
  if (!added) co_return problem_of(added.error());
  auto o = to_json(wanted);
  if (generated) o["password"] = password.reveal();
  co_return json_response(o, 201);
}

}  // namespace

resource credentials_resource(api_context& c, const policy::tenants::tenant& given, request r) {
  // The directory may be swapped while we wait: keep a copy of the tenant.
  const auto t = given;
  if (r.path.size() == 4 && r.method == "POST") co_return co_await add_credential(c, t, r);
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
