// What reports of all kinds share: RFC 6522 wraps machine-readable fields and the mail they speak
// of.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smtp/mime/mime_walk.h"

namespace consentry::reputation {

using part_list = std::vector<smtp::mime::part>;

// "Name: value" lines with folding; names lower case, values decoded. Some senders put a MIME
// header block before the fields: empty lines do not end them. At most 1,000.
std::vector<std::pair<std::string, std::string>> read_fields(std::string_view text);

// Of a part: the path its children's paths begin with.
std::string child_prefix(const std::string& path);

// The mail that the report is about, whole or its header.
bool is_original_part(const smtp::mime::part& p);
bool is_of_enclosed(const smtp::mime::part& p, const smtp::mime::part& enclosing);
// By part: stands inside a message that is enclosed in this one.
std::vector<bool> enclosed_parts(const part_list& parts);

}  // namespace consentry::reputation
