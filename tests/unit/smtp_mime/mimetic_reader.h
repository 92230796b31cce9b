// Another reader to compare with: mimetic.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace consentry::smtp::mime {

// How often each content type occurs among the leaves as mimetic sees them. nullopt: the message
// has a shape that mimetic is slow or recursive on (very long lines, many folds or boundary lines),
// or it threw.
std::optional<std::map<std::string, int>> leaf_types_by_mimetic(std::string_view message);

}  // namespace consentry::smtp::mime
