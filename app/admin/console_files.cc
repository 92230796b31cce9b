#include "app/admin/console_files.h"

#include <algorithm>

#include "app/admin/console_session.h"

namespace consentry::app::admin {

namespace {

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

bool is_root(const request& r) {
  return r.path.empty() || (r.path.size() == 1 && r.path[0].empty());
}

}  // namespace

bool is_console_file(const request& r) {
  return is_root(r) || r.path[0] == "console";
}

response console_file(const request& r) {
  if (r.method != "GET" && r.method != "HEAD") {
    auto out = problem(405, "only GET");
    out.headers.emplace_back("Allow", "GET, HEAD");
    return out;
  }
  if (is_root(r) || r.path.size() == 1) {
    response out{.status = 308, .content_type = "text/plain"};
    out.headers.emplace_back("Location", "/console/");
    return out;
  }
  // Names are looked up among those compiled in: no path leads to a file.
  const auto name = r.path.size() != 2  ? std::string_view{}
                    : r.path[1].empty() ? std::string_view{"index.html"}
                                        : std::string_view{r.path[1]};
  const auto all = console_assets();
  const auto found = std::ranges::find(all, name, &console_asset::name);
  if (found == all.end() && name == "index.html")
    return problem(404, "this daemon was built without the console");
  if (found == all.end()) return problem(404, "no such resource");
  response out{.content_type = std::string{type_of(name)}, .body = std::string{found->content}};
  add_page_headers(out);
  if (name != "index.html")
    out.headers.emplace_back("Cache-Control", "private, max-age=31536000, immutable");
  return out;
}

}  // namespace consentry::app::admin
