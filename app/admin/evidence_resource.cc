// What proves a tenant's consents: blobs that records point to, and the exact texts of notices.
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/shown_notice.h"
#include "base/text.h"
#include "policy/consent/evidence_store.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace consent = policy::consent;
namespace tenants = policy::tenants;

constexpr std::size_t users_shown_max = 100;
constexpr std::string_view sha_prefix = "sha256:";

json::object shown(const consent::evidence_blob& b) {
  return {{"reference", std::string{sha_prefix} + hex(b.digest)},
          {"type", to_valid_utf8(b.type)},
          {"bytes", b.bytes},
          {"stored_at", to_string_utc(b.stored_at)},
          {"stored_by", b.stored_by}};
}

json::object shown(const consent::notice_text& n) {
  json::object o{{"hash", n.notice.hash},
                 {"text", n.text},
                 {"stored_at", to_string_utc(n.stored_at)},
                 {"stored_by", n.stored_by}};
  if (!n.notice.version.empty()) o["version"] = n.notice.version;
  if (!n.notice.language.empty()) o["language"] = n.notice.language;
  if (!n.notice.url.empty()) o["url"] = n.notice.url;
  return o;
}

resource add_evidence(api_context& c, tenant_id tenant, const request& r) {
  using answer = result<consent::evidence_store::put_blob>;
  const consent::act by{.at = c.clock.now(), .actor = actor_of(r)};
  auto stored = std::make_shared<std::optional<answer>>();
  commit_loop::operation op = [&c, &r, tenant, by, stored](write_txn& txn) {
    stored->emplace(c.rooms.evidence.put_evidence(txn, tenant, r.body, r.content_type, by));
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  const auto& put = **stored;
  if (!put) co_return problem_of(put.error());
  json::object o{{"reference", put->reference}, {"bytes", r.body.size()}, {"news", put->is_news}};
  co_return json_response(o, put->is_news ? 201 : 200);
}

// As a file to save, never as a page: what a tenant uploaded must not run in an operator's browser.
response as_file(const consent::evidence_blob& b, std::string bytes) {
  response out;
  out.content_type = "application/octet-stream";
  out.body = std::move(bytes);
  out.headers = {{"Content-Disposition", "attachment; filename=\"" + hex(b.digest) + "\""},
                 {"X-Content-Type-Options", "nosniff"}};
  return out;
}

response show_evidence(api_context& c, tenant_id tenant, const request& r) {
  const auto& name = r.path[4];
  const auto digest =
      consent::blob_digest_of(name.starts_with(sha_prefix) ? name : std::string{sha_prefix} + name);
  if (digest.empty()) return problem(422, "evidence is named by its SHA-256, 64 lower-case digits");
  const bool as_json = r.query.contains("format") && r.query.at("format") == "json";
  auto found = c.rooms.env.read([&](read_txn& txn) -> std::optional<response> {
    const auto blob = c.rooms.evidence.find_evidence(txn, tenant, digest);
    const auto bytes = c.rooms.evidence.bytes_of(txn, tenant, digest);
    if (!blob || !bytes) return std::nullopt;
    if (!as_json) return as_file(*blob, std::string{*bytes});
    auto o = shown(*blob);
    json::array persons;
    for (const auto& p : c.rooms.evidence.persons_of(txn, tenant, digest, users_shown_max))
      persons.push_back(json::value(hex(p)));
    o["persons"] = std::move(persons);
    o["content_base64"] = base64(*bytes);
    return json_response(o);
  });
  if (!found) return problem_of(found.error());
  if (!*found) return problem(404, "no such evidence");
  return std::move(**found);
}

resource add_notice(api_context& c, tenant_id tenant, const request& r) {
  json_body body{r.body};
  const auto text = body.required_text("text");
  consent::notice_shown notice;
  notice.version = body.text("version");
  notice.hash = body.text("hash");
  notice.language = body.text("language");
  notice.url = body.text("url");
  body.finish();
  const consent::act by{.at = c.clock.now(), .actor = actor_of(r)};
  auto stored = std::make_shared<std::optional<result<consent::notice_text>>>();
  commit_loop::operation op = [&c, tenant, notice, text, by, stored](write_txn& txn) {
    stored->emplace(c.rooms.evidence.put_notice(txn, tenant, notice, text, by));
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  const auto& put = **stored;
  if (!put) co_return problem_of(put.error());
  co_return json_response(shown(*put), 201);
}

response show_notice(api_context& c, tenant_id tenant, const request& r) {
  if (!r.query.contains("hash")) return problem(422, "name a notice: ?hash=");
  const auto found = c.rooms.env.read(
      [&](read_txn& txn) { return find_shown_notice(c.rooms, txn, tenant, r.query.at("hash")); });
  if (!found) return problem_of(found.error());
  if (!*found) return problem(404, "no text is stored under this hash");
  return json_response(shown(**found));
}

}  // namespace

resource evidence_resource(api_context& c, const tenants::tenant& given, request r) {
  // The directory may be swapped while we wait.
  const auto tenant = given.id;
  if (r.path.size() == 4 && r.method == "POST") co_return co_await add_evidence(c, tenant, r);
  if (r.path.size() == 5 && r.method == "GET") co_return show_evidence(c, tenant, r);
  co_return problem(405, "POST .../evidence, GET .../evidence/SHA256");
}

resource notices_resource(api_context& c, const tenants::tenant& given, request r) {
  const auto tenant = given.id;
  if (r.path.size() == 4 && r.method == "POST") co_return co_await add_notice(c, tenant, r);
  if (r.path.size() == 4 && r.method == "GET") co_return show_notice(c, tenant, r);
  co_return problem(405, "POST .../notices, GET .../notices?hash=");
}

}  // namespace consentry::app::admin
