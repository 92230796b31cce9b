// The pages of the console: a bundle made from web/console/ and compiled in, so the daemon needs no
// file at run time. They are the same for everybody and hold no data: all of it comes over /v1.
//
//   /            leads to /console/
//   /console/    the page; asked for anew each time
//   /console/<name>-<hash>.<ext>   what it loads; a changed file has another name
#pragma once

#include <span>
#include <string_view>

#include "app/admin/http_server.h"

namespace consentry::app::admin {

struct console_asset {
  std::string_view name;  // "index.html", "main-ABCD1234.js"
  std::string_view content;
};
// Empty where the daemon was built without node. Written by web/console/bundle.mjs.
std::span<const console_asset> console_assets() noexcept;

bool is_console_file(const request& r);
response console_file(const request& r);

}  // namespace consentry::app::admin
