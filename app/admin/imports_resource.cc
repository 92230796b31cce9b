// Import jobs: made, uploaded in parts, started, looked at, cancelled; for the desk their signs.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <charconv>

#include "app/admin/api.h"
#include "app/admin/import_json.h"
#include "app/queue_control.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace consent = policy::consent;

constexpr std::uint64_t rejects_bytes_max = 32u << 20;  // of one answer
constexpr std::size_t listed_max = 1000;

resource answer(api_context& c, std::function<result<import_job>()> work, int status = 200) {
  const auto j = co_await c.workers.run(std::move(work));
  if (!j) co_return problem_of(j.error());
  co_return json_response(to_json(c, *j), status);
}

char delimiter_of(const std::string& text) {
  if (text.empty() || text == "auto") return 0;
  if (text == "tab") return '\t';
  if (text.size() == 1 && std::string_view{",;\t|"}.find(text[0]) != std::string_view::npos)
    return text[0];
  throw configuration_error("delimiter is one of auto , ; | tab");
}

resource create(api_context& c, const policy::tenants::tenant& t, const request& r) {
  json_body body{r.body};
  import_job wanted;
  wanted.tenant = t.id;
  wanted.importer = r.person;
  const auto format = consent::parse_import_format(body.text("format", "csv"));
  wanted.source = printable(body.text("source", "upload"), 200);
  wanted.mapping = body.text("mapping");
  wanted.delimiter = delimiter_of(body.text("delimiter"));
  wanted.is_dry_run = body.flag("dry_run").value_or(false);
  wanted.is_all_or_nothing = body.flag("all_or_nothing").value_or(false);
  wanted.bytes = body.number("bytes");
  body.finish();
  if (!format) co_return problem(422, "format is csv or ndjson");
  wanted.format = *format;
  std::function<result<import_job>()> work = [&c, &wanted] { return c.imports->create(wanted); };
  co_return co_await answer(c, std::move(work), 201);
}

response list(api_context& c, const policy::tenants::tenant& t, const request& r, bool signs) {
  const auto limit = number_of(r, "limit", 50, listed_max);
  auto jobs =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.imports.of_tenant(txn, t.id, limit); });
  if (!jobs) return problem_of(jobs.error());
  json::array out;
  for (const auto& j : *jobs) out.push_back(signs ? signs_json(c, j) : to_json(c, j));
  return json_response(json::object{{"imports", std::move(out)}});
}

// "bytes=N-" or "bytes=N-M"; nullopt: another range, which may be passed over (RFC 9110 14.2).
std::optional<std::pair<std::uint64_t, std::uint64_t>> range_of(const request& r) {
  const auto found = r.headers.find("range");
  if (found == r.headers.end() || !found->second.starts_with("bytes=")) return std::nullopt;
  const auto parts = split(std::string_view{found->second}.substr(6), '-');
  if (parts.size() != 2) return std::nullopt;
  std::pair<std::uint64_t, std::uint64_t> out{0, UINT64_MAX};
  const auto read = [](std::string_view text, std::uint64_t& n) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    return error == std::errc{} && end == text.data() + text.size();
  };
  if (!read(parts[0], out.first)) return std::nullopt;
  if (!parts[1].empty() && !read(parts[1], out.second)) return std::nullopt;
  if (out.second < out.first) return std::nullopt;
  return out;
}

// Blocks.
response read_rejects(const std::filesystem::path& file,
                      std::optional<std::pair<std::uint64_t, std::uint64_t>> range) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return problem(404, "no reject file: no row was refused, or its days are over");
  const auto size = static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_END));
  const auto [from, to] = range.value_or(std::pair<std::uint64_t, std::uint64_t>{0, UINT64_MAX});
  response out{.content_type = "text/csv; charset=utf-8"};
  if (from >= size && size != 0) {
    ::close(fd);
    auto no = problem(416, "the range begins behind the end");
    no.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
    return no;
  }
  const auto last = std::min({to, size - 1, from + rejects_bytes_max - 1});
  out.body.resize(last - from + 1);
  std::size_t got = 0;
  while (got < out.body.size()) {
    const auto n =
        ::pread(fd, out.body.data() + got, out.body.size() - got, static_cast<off_t>(from + got));
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  ::close(fd);
  if (got < out.body.size()) return problem(503, "the reject file cannot be read");
  if (range || got < size) {
    out.status = 206;
    out.headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", from, last, size));
  }
  out.headers.emplace_back("Accept-Ranges", "bytes");
  return out;
}

resource rejects(api_context& c, import_id id, const request& r) {
  auto work = [file = c.imports->rejects_of(id), range = range_of(r)] {
    return read_rejects(file, range);
  };
  co_return co_await c.workers.run(std::move(work));
}

resource release(api_context& c, import_id id, const request& r) {
  json_body body{r.body};
  const auto reason = body.required_text("reason");
  body.finish();
  auto work = [&c, id, reason, actor = actor_of(r)] {
    return c.imports->release(id, reason, actor);
  };
  const auto j = co_await c.workers.run(std::move(work));
  if (!j) co_return problem_of(j.error());
  // What waits for this alone goes on; the judge is asked again, and holds it for another import.
  queue_order order{.what = queue_act::release, .reason = reason, .actor = actor_of(r)};
  order.which.tenant = j->tenant;
  order.which.stream = smtp::stream::bulk;
  order.which.held_because = "import.suspicious";
  const auto begun = c.clock.now();
  const auto released = co_await carry_out(c.rooms, c.clock, std::move(order));
  c.notify_queue(begun);
  if (!released) co_return problem_of(released.error());
  auto o = signs_json(c, *j);
  o["released_recipients"] = *released;
  co_return json_response(o);
}

resource append(api_context& c, import_id id, const request& r) {
  const auto offset = number_of(r, "offset", 0, UINT64_MAX);
  std::function<result<import_job>()> work = [&c, id, offset, &r] {
    return c.imports->append(id, offset, r.body);
  };
  co_return co_await answer(c, std::move(work));
}

}  // namespace

resource imports_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  if (r.path.size() < 5) {
    if (r.method == "POST") co_return co_await create(c, t, r);
    co_return list(c, t, r, r.path[3] == "import-signs");
  }
  const auto id = parse_import_id(r.path[4]);
  const auto j = id ? c.imports->find(*id) : std::nullopt;
  if (!j || j->tenant != t.id) co_return problem(404, "no such import");
  const auto part = r.path.size() > 5 ? r.path[5] : std::string{};
  if (part == "rejects") co_return co_await rejects(c, *id, r);
  if (part == "signs") co_return json_response(signs_json(c, *j));
  if (part == "data") co_return co_await append(c, *id, r);
  if (part == "release") co_return co_await release(c, *id, r);
  std::function<result<import_job>()> work;
  if (part == "start") work = [&c, &id] { return c.imports->begin(*id); };
  if (part == "cancel") work = [&c, &id] { return c.imports->cancel(*id); };
  if (work) co_return co_await answer(c, std::move(work));
  co_return json_response(to_json(c, *j));
}

}  // namespace consentry::app::admin
