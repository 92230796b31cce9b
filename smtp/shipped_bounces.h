// conf/bounces.toml, compiled in: what holds where no file is named.
#pragma once

#include <string_view>

namespace consentry::smtp {

std::string_view shipped_bounces() noexcept;

}  // namespace consentry::smtp
