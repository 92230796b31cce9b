// What stays the same in the copies of one template (RULES A1.1): the text that a reader sees,
// without names, digits, addresses and URL paths. docs/decisions/content-fingerprint.md
#pragma once

#include <string>

#include "smtp/mime/mime_walk.h"

namespace consentry::filters {

struct content_fingerprint {
  std::string digest;     // 16 bytes
  std::size_t words = 0;  // that it stands on
};

// Any thread; linear in the message. Never throws for bad input: what cannot be read does not
// count.
content_fingerprint fingerprint_of(const smtp::mime::walked_message& mail);

}  // namespace consentry::filters
