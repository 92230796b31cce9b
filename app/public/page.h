// Pages for everybody: one shell, readable without scripts, that may load its style sheet and
// nothing else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/admin/http_server.h"

namespace consentry::app::public_pages {

enum class language : std::uint8_t { hungarian, english };

// RFC 9110 section 12.5.4: the better liked of the two; Hungarian where nothing decides.
language preferred_language(std::string_view accept_language);
language language_named(std::string_view code);  // "en"; anything else is Hungarian
std::string_view code_of(language l) noexcept;

// For text and for attributes in double quotes.
std::string escaped(std::string_view text);
// Escaped, with paragraphs and line breaks as they are written.
std::string paragraphs(std::string_view text);

struct page {
  int status = 200;
  language speaks = language::hungarian;
  std::string title;    // plain text: <title> and the heading
  std::string content;  // HTML below the heading
  std::string footer;   // plain text: who sends; may be empty
  // Who may frame it; empty: nobody.
  std::vector<std::string> frame_origins;
};
admin::response to_response(const page& p);

// A refusal as a whole page: title and one sentence.
admin::response short_page(int status, language speaks, std::string_view title,
                           std::string_view text);

// The style sheet, from web/public/pages.css. Pages are two levels deep: "../a/pages.css".
admin::response style_sheet();

}  // namespace consentry::app::public_pages
