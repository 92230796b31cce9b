// Hand-overs: made, fetched piece by piece, and a tenant back from one.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>

#include "app/admin/api.h"
#include "app/admin/tenant_json.h"
#include "app/tenant_export.h"
#include "app/tenant_import.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr std::size_t piece_bytes = 4u << 20;
constexpr std::uint64_t incoming_bytes_max = 64ULL << 30;

json::object shown(const std::map<std::string, std::uint64_t>& counts) {
  json::object o;
  for (const auto& [name, n] : counts) o[name] = n;
  return o;
}

resource make(api_context& c, const policy::tenants::tenant& t, const request& r) {
  json_body body{r.body};
  const auto format = parse_export_format(body.text("format", "json"));
  const auto settled = body.text("invoices");
  body.finish();
  if (!format) co_return problem(422, "format must be json or xml");
  if (!settled.empty() && settled != "settled")
    co_return problem(422, "invoices: settled, or absent");
  auto work = [&c, t, format = *format, is_settled = settled == "settled", actor = actor_of(r)] {
    return export_tenant(*c.care, t, format, is_settled, actor);
  };
  const auto made = co_await c.workers.run(std::move(work));
  if (!made) co_return problem_of(made.error());
  co_return json_response(json::object{{"id", made->id},
                                       {"format", to_string(*format)},
                                       {"bytes", made->trailer.bytes},
                                       {"sha256", made->trailer.sha256},
                                       {"rows", shown(made->trailer.counts)}},
                          201);
}

std::string read_piece(const fs::path& file, std::uint64_t offset) {
  std::ifstream in{file, std::ios::binary};
  in.seekg(static_cast<std::streamoff>(offset));
  std::string out(piece_bytes, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(in.gcount()));
  return out;
}

resource fetch(api_context& c, tenant_id tenant, const request& r) {
  const auto file = find_export(*c.care, tenant, r.path[4]);
  if (!file) co_return problem(404, "no such export: they are kept for a day");
  const auto offset = number_of(r, "offset", 0, ~0ULL >> 1);
  auto work = [file = *file, offset] { return read_piece(file, offset); };
  response out;
  out.content_type = "application/octet-stream";
  out.body = co_await c.workers.run(std::move(work));
  co_return out;
}

fs::path incoming(const api_context& c, const std::string& id) {
  return c.care->exports_folder / "incoming" / (id + ".json");
}

response begin_upload(api_context& c) {
  const auto id = base32(random_bytes(20));
  std::error_code error;
  fs::create_directories(incoming(c, id).parent_path(), error);
  fs::permissions(c.care->exports_folder, fs::perms::owner_all, error);
  std::ofstream out{incoming(c, id), std::ios::binary};
  if (!out) return problem(507, "no file can be made there");
  return json_response(json::object{{"id", id}}, 201);
}

// Pieces in order: a repeated one, whose answer was lost, is taken as what it is.
response take_piece(api_context& c, const std::string& id, const request& r) {
  std::error_code error;
  const auto file = incoming(c, id);
  const auto have = fs::file_size(file, error);
  if (error) return problem(404, "no such upload: they are kept for a day");
  const auto offset = number_of(r, "offset", 0, ~0ULL >> 1);
  if (offset > have) return problem(409, fmt::format("{} bytes are here", have));
  if (offset + r.body.size() > incoming_bytes_max) return problem(413, "the file is too large");
  std::fstream out{file, std::ios::binary | std::ios::in | std::ios::out};
  out.seekp(static_cast<std::streamoff>(offset));
  out.write(r.body.data(), static_cast<std::streamsize>(r.body.size()));
  out.close();
  if (!out) return problem(507, "the piece cannot be written");
  return json_response(json::object{{"bytes", std::max(have, offset + r.body.size())}});
}

resource apply(api_context& c, const std::string& id, const request& r) {
  json_body body{r.body};
  const auto name = body.text("as");
  body.finish();
  std::error_code error;
  const auto file = incoming(c, id);
  if (!fs::exists(file, error)) co_return problem(404, "no such upload: they are kept for a day");
  auto work = [&c, file, name, actor = actor_of(r)] {
    return import_tenant(*c.care, file, name, actor);
  };
  const auto made = co_await c.workers.run(std::move(work));
  fs::remove(file, error);
  if (!made) co_return problem_of(made.error());
  auto o = to_json(made->tenant, c.rooms.blocker.is_bulk_closed(made->tenant.id));
  o["rows"] = shown(made->counts);
  json::array left_out;
  for (const auto& l : made->left_out) left_out.emplace_back(l);
  o["left_out"] = std::move(left_out);
  co_return json_response(o, 201);
}

}  // namespace

resource exports_resource(api_context& c, const policy::tenants::tenant& given, request r) {
  const auto t = given;
  if (c.care == nullptr) co_return problem(503, "nothing can be handed over here");
  if (r.path.size() == 4 && r.method == "POST") co_return co_await make(c, t, r);
  if (r.path.size() == 5 && r.method == "GET") co_return co_await fetch(c, t.id, r);
  if (r.path.size() == 6 && r.path[5] == "remove" && r.method == "POST") {
    const auto file = find_export(*c.care, t.id, r.path[4]);
    std::error_code error;
    if (!file || !fs::remove(*file, error)) co_return problem(404, "no such export");
    co_return json_response(json::object{{"removed", true}});
  }
  co_return problem(404, "no such resource");
}

resource tenant_imports_resource(api_context& c, request r) {
  if (c.care == nullptr) co_return problem(503, "nothing can be taken over here");
  if (r.method != "POST") co_return problem(405, "only POST");
  if (r.path.size() == 2) co_return begin_upload(c);
  const auto id = r.path[2];
  if (!is_transfer_id(id)) co_return problem(404, "no such upload");
  if (r.path.size() == 3) co_return take_piece(c, id, r);
  if (r.path.size() == 4 && r.path[3] == "apply") co_return co_await apply(c, id, r);
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
