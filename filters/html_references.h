// Character references of HTML, the common ones.
#pragma once

#include <string>
#include <string_view>

namespace consentry::filters {

// Appends `raw` to `out`, references decoded, CR LF as LF. False where a reference is not one of
// the common, or stands without its semicolon where the HTML standard might read it all the same.
bool decode_references(std::string_view raw, bool in_attribute, std::string& out);

}  // namespace consentry::filters
