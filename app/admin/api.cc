#include "app/admin/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace consentry::app::admin {

std::string actor_of(const request& r) {
  return "desk:" + r.person;
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

void json_body::finish() const {
  for (const auto& m : members_)
    if (std::find(known_.begin(), known_.end(), std::string_view{m.key().data(), m.key().size()}) ==
        known_.end())
      throw configuration_error(
          fmt::format("unknown member {}", std::string_view{m.key().data(), m.key().size()}));
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
  if (r.path.size() < 2 || r.path[0] != "v1") co_return problem(404, "no such resource");
  const auto name = r.path[1];
  if (name == "tenants") co_return co_await tenants_resource(c, std::move(r));
  if (name == "tenant-imports") co_return co_await tenant_imports_resource(c, std::move(r));
  if (name == "queue") co_return co_await queue_resource(c, std::move(r));
  if (name == "why") co_return co_await why_resource(c, std::move(r));
  if (name == "journal") co_return co_await journal_resource(c, std::move(r));
  if (name == "stats") co_return co_await stats_resource(c, std::move(r));
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
