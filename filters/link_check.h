// Which hosts of a message are on the lists of domains.
#pragma once

#include <vector>

#include "filters/finding.h"
#include "filters/message_texts.h"
#include "filters/url_lists.h"

namespace consentry::filters {

// Looks at the host of every link, at URLs inside of URLs ("..?to=https%3A%2F%2Fevil.test"), and at
// names in texts and in HTML that no link was made of ("evil.test/x", url() of a style). Findings
// link.blocklisted of category url_blocklist and link.shortener of url_shortener, each entry of a
// list once, at its first place; at most 50. They have no score: what they weigh is a knob's to
// say. Any thread; linear.
std::vector<finding> check_links(const message_texts& texts, const url_lists& lists);

}  // namespace consentry::filters
