// consentry dkim sign|verify: signatures of files, without the daemon; and list|rotate|activate|
// remove: the daemon's keys.
#pragma once

#include <string>

#include "app/cli/commands.h"

namespace consentry::app::cli {

void add_dkim_commands(CLI::App& app, context& c);
void add_dkim_key_commands(CLI::App& dkim, context& c);

// A whole file, or standard input for "-". Throws configuration_error.
std::string read_input(const std::string& file, std::size_t bytes_max);

}  // namespace consentry::app::cli
