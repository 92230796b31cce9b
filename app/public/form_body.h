// What a browser or a mailbox provider posts: application/x-www-form-urlencoded (WHATWG URL section
// 5), multipart/form-data (RFC 7578) or a flat JSON object. Bounded in fields; the server bounds
// the size. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/admin/http_server.h"

namespace consentry::app::public_pages {

class form_body {
 public:
  // In the order of the body, names and values decoded. At most so many; more is no form.
  static constexpr std::size_t fields_max = 300;

  // nullopt: it does not read as what its Content-Type says, or that is none of the three. No
  // Content-Type counts as urlencoded.
  static std::optional<form_body> read(const admin::request& r);

  std::string first(std::string_view name) const;  // "" if there is none
  std::vector<std::string> all(std::string_view name) const;
  bool has(std::string_view name) const;
  // The field stands there once, with exactly this value.
  bool says(std::string_view name, std::string_view value) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// The pieces, exposed for tests. multipart: false where the grammar is broken; parts with a file
// name are passed over.
using form_fields = std::vector<std::pair<std::string, std::string>>;
bool read_urlencoded(std::string_view body, form_fields& out);
bool read_multipart(std::string_view body, std::string_view content_type, form_fields& out);

}  // namespace consentry::app::public_pages
