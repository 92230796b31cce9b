// The page behind a tenant's contact link, /a/<token>: GET shows a button, POST confirms (RULES A2
// clause 1). Mail scanners that follow links confirm nothing.
#pragma once

#include <string>

#include "app/public/site.h"

namespace consentry::app::public_pages {

// 404 for what is no link of ours or past its time; 503 when nothing could be recorded.
answer contact_page(context& c, const admin::request& r, const std::string& token);

}  // namespace consentry::app::public_pages
