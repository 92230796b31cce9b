// Links of HTML and plain text, ready to be scanned.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace consentry::filters {

struct link {
  std::string url;        // percent-decoded once, valid UTF-8
  std::string host;       // host_of() the whole; empty if there is none
  std::string text;       // what the reader clicks on; empty in plain text
  std::size_t begin = 0;  // octets in the source
  std::size_t end = 0;
};

// http, https and ftp URLs, and names that begin with "www.". At most 10,000. Linear.
std::vector<link> links_of_text(std::string_view text);

// A link out of an HTML attribute.
link make_link(std::string_view target, std::string_view text, std::size_t begin, std::size_t end);

// Valid UTF-8; what is no %41 stays.
std::string percent_decoded(std::string_view s);

}  // namespace consentry::filters
