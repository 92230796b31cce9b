// The settings of a resolver as a configuration text for libunbound.
#pragma once

#include <string>

#include "smtp/dns/resolver.h"

namespace consentry::smtp::dns {

// unbound.conf(5). Throws configuration_error where a value cannot stand in one (a quote, a line
// end) or a file cannot be read.
std::string unbound_config(const resolver_settings& settings);

}  // namespace consentry::smtp::dns
