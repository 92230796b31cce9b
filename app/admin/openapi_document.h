// docs/openapi.json, compiled in.
#pragma once

#include <string_view>

namespace consentry::app::admin {

std::string_view openapi_document() noexcept;

}  // namespace consentry::app::admin
