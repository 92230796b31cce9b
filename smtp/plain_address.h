// The fast way for the addresses that nearly all are: plain ASCII, nothing quoted, a domain name.
#pragma once

#include <string>
#include <string_view>

namespace consentry::smtp {

// Where it returns true, key is what mailbox::parse(text)->key() gives. False says nothing: ask
// mailbox::parse. Allocates only where key must grow.
bool plain_address_key(std::string_view text, std::string& key);

}  // namespace consentry::smtp
