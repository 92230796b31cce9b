#include "app/admin/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "app/admin/access.h"
#include "app/admin/console_files.h"
#include "app/metrics_page.h"
#include "base/civil_date.h"
#include "smtp/address.h"

namespace consentry::app::admin {

namespace {

// Whose data a request is about, where its query or the last part of its path is an address.
std::string person_asked_for(const policy::tenants::tenant& t, const request& r) {
  auto asked = r.query.find("address");
  if (asked == r.query.end()) asked = r.query.find("recipient");
  const auto address = smtp::mailbox::parse(asked != r.query.end() ? asked->second : r.path.back());
  if (!address || address->is_null()) return {};
  return policy::tenants::pseudonym(t, address->key());
}

}  // namespace

std::string actor_of(const request& r) {
  return (policy::tenants::is_tenants(r.as) ? "tenant:" : "desk:") + r.person;
}

response problem_of(const failure& f) {
  const int status = f.kind == failure_kind::invalid        ? 422
                     : f.kind == failure_kind::not_found    ? 404
                     : f.kind == failure_kind::conflict     ? 409
                     : f.kind == failure_kind::refused      ? 403
                     : f.kind == failure_kind::storage_full ? 507
                                                            : 503;
  return problem(status, f.public_text.empty() ? std::string{to_string(f.kind)} : f.public_text);
}

json_body::json_body(const std::string& text) {
  boost::system::error_code error;
  auto value = boost::json::parse(text.empty() ? "{}" : text, error);
  if (error || !value.is_object())
    throw configuration_error("the request body must be a JSON object");
  members_ = std::move(value.as_object());
}

std::string json_body::text(std::string_view name, std::string otherwise) {
  known_.emplace_back(name);
  const auto* v = members_.if_contains(name);
  if (v == nullptr) return otherwise;
  if (!v->is_string()) throw configuration_error(fmt::format("{} must be a string", name));
  return std::string{v->as_string()};
}

std::string json_body::required_text(std::string_view name) {
  auto value = text(name);
  if (value.empty()) throw configuration_error(fmt::format("{} is required", name));
  return value;
}

std::vector<std::string> json_body::texts(std::string_view name) {
  known_.emplace_back(name);
  std::vector<std::string> out;
  const auto* v = members_.if_contains(name);
  if (v == nullptr) return out;
  if (!v->is_array()) throw configuration_error(fmt::format("{} must be a list", name));
  for (const auto& x : v->get_array()) {
    if (!x.is_string()) throw configuration_error(fmt::format("{} must hold strings", name));
    out.emplace_back(x.get_string());
  }
  return out;
}

std::optional<bool> json_body::flag(std::string_view name) {
  known_.emplace_back(name);
  const auto* v = members_.if_contains(name);
  if (v == nullptr) return std::nullopt;
  if (!v->is_bool()) throw configuration_error(fmt::format("{} must be true or false", name));
  return v->as_bool();
}

std::optional<std::uint64_t> json_body::number(std::string_view name) {
  known_.emplace_back(name);
  const auto* v = members_.if_contains(name);
  if (v == nullptr) return std::nullopt;
  boost::system::error_code error;
  const auto n = v->to_number<std::uint64_t>(error);
  if (error) throw configuration_error(fmt::format("{} must be a number, not negative", name));
  return n;
}

const boost::json::object* json_body::object(std::string_view name) {
  known_.emplace_back(name);
  const auto* v = members_.if_contains(name);
  if (v == nullptr) return nullptr;
  if (!v->is_object()) throw configuration_error(fmt::format("{} must be an object", name));
  return &v->get_object();
}

void json_body::finish() const {
  for (const auto& m : members_)
    if (std::find(known_.begin(), known_.end(), std::string_view{m.key().data(), m.key().size()}) ==
        known_.end())
      throw configuration_error(
          fmt::format("unknown member {}", std::string_view{m.key().data(), m.key().size()}));
}

std::optional<instant> end_of(const std::string& text, std::string_view name) {
  if (text.empty()) return std::nullopt;
  if (const auto day = parse_date(text)) {
    const civil_date next{std::chrono::sys_days{*day} + std::chrono::days{1}};
    return budapest_midnight(next) - std::chrono::milliseconds{1};
  }
  const auto at = parse_timestamp(text);
  if (!at)
    throw configuration_error(fmt::format("{} must be a day like 2026-12-31, or a time", name));
  return at;
}

std::uint64_t number_of(const request& r, const std::string& name, std::uint64_t otherwise,
                        std::uint64_t most) {
  const auto found = r.query.find(name);
  if (found == r.query.end()) return otherwise;
  std::uint64_t n = 0;
  const auto& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n > most)
    throw configuration_error(fmt::format("{} must be a number up to {}", name, most));
  return n;
}

resource serve(api_context& c, request r) {
  if (is_probe(r)) co_return answer_probe(c, r);
  if (is_console_file(r)) co_return console_file(r);
  if (auto no = refusal_of(c, r)) co_return std::move(*no);
  const auto& where = *find_route(r.method, r.path).where;
  if (r.method == "HEAD") r.method = "GET";
  if (!where.is_of_tenant()) {
    const auto handle = std::get<platform_resource>(where.handle);
    co_return co_await handle(c, std::move(r));
  }
  // The directory may be swapped while we wait: keep a copy of the tenant.
  const auto directory = c.rooms.directory.get();
  const auto* found = directory->find_named(r.path[2]);
  if (found == nullptr) co_return problem(404, "no such resource");
  const auto tenant = *found;
  if (where.shows != view::nothing) {
    looked_at what{.tenant = tenant.id, .what = where.operation, .how = where.shows};
    what.person = person_asked_for(tenant, r);
    if (const auto message = parse_message_id(r.path.back())) what.message = *message;
    const auto noted = co_await note_access(c, r, std::move(what));
    if (!noted) co_return problem_of(noted.error());
  }
  const auto handle = std::get<tenant_resource>(where.handle);
  co_return co_await handle(c, tenant, std::move(r));
}

}  // namespace consentry::app::admin
