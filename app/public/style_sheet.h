// web/public/pages.css, compiled in: the pages need no file at run time.
#pragma once

#include <string_view>

namespace consentry::app::public_pages {

extern const std::string_view style_sheet_text;

}  // namespace consentry::app::public_pages
