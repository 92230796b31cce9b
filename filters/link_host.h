// Where a link goes, as a browser takes it (WHATWG URL standard), and the one form of a host in
// which hosts can be compared.
#pragma once

#include <string>
#include <string_view>

namespace consentry::filters {

// The host of a URL with a scheme and slashes, of "//host/", of "https:host" and of "www.host":
// behind what poses as a user's name ("https://bank.hu@evil.test/" goes to evil.test), without port
// and the dots behind it. Lower case, percent-decoded, U-labels where they were A-labels; empty if
// there is none. Linear; any thread.
std::string host_of(std::string_view url);

// Lower-case A-labels (UTS 46), so that full-width letters, invisible characters and "。" make no
// other host; IPv4 addresses in any notation (2130706433, 0x7f.1, 0177.0.0.1) as dotted quads, IPv6
// addresses in brackets in their shortest form. Any thread.
std::string comparable_host(std::string_view host);

}  // namespace consentry::filters
