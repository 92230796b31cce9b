#include "app/admin/write_once.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/idempotency_store.h"
#include "base/secret.h"

namespace consentry::app::admin {

namespace {

constexpr std::size_t key_bytes_max = 255;

bool is_key(const std::string& key) {
  return !key.empty() && key.size() <= key_bytes_max &&
         std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; });
}

digest256 digest_of(const request& r) {
  return sha256(
      fmt::format("{}\n{}\n{}\n{}", r.method, fmt::join(r.path, "/"), r.content_type, r.body));
}

struct keyed_write {
  const idempotency_store& kept;
  tenant_id tenant;
  std::string key;
  digest256 request;
  instant at;
  std::function<response(write_txn&)> write;

  response run(write_txn& txn) const {
    if (const auto old = kept.find(txn, tenant, key, at)) {
      if (old->request != request)
        return problem(422, "this Idempotency-Key came with another request before",
                       "idempotency_key_reused");
      return {
          .status = old->status, .body = old->body, .headers = {{"Idempotency-Replayed", "true"}}};
    }
    // Asked before: what cannot be kept must not be written either.
    if (!kept.has_room(txn, tenant)) {
      kept.trim(txn, at);
      auto out = problem(429, "too many Idempotency-Keys within a day", "idempotency_keys_full");
      out.headers.emplace_back("Retry-After", "3600");
      return out;
    }
    auto out = write(txn);
    if (out.status >= 200 && out.status < 300)
      kept.keep(txn, tenant, key,
                {.request = request, .at = at, .status = out.status, .body = out.body});
    return out;
  }
};

}  // namespace

resource write_once(api_context& c, tenant_id tenant, const request& r,
                    std::function<response(write_txn&)> write) {
  auto answer = std::make_shared<response>();
  commit_loop::operation op;
  if (const auto given = r.headers.find("idempotency-key"); given != r.headers.end()) {
    if (!is_key(given->second))
      co_return problem(422, "Idempotency-Key: 1 to 255 visible ASCII characters");
    keyed_write keyed{.kept = c.rooms.idempotency,
                      .tenant = tenant,
                      .key = given->second,
                      .request = digest_of(r),
                      .at = c.clock.now(),
                      .write = std::move(write)};
    op = [keyed = std::move(keyed), answer](write_txn& txn) { *answer = keyed.run(txn); };
  } else {
    op = [write = std::move(write), answer](write_txn& txn) { *answer = write(txn); };
  }
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  co_return std::move(*answer);
}

}  // namespace consentry::app::admin
