// Brings a file of consents to the daemon as a job, and watches it until it ends.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <vector>

#include "app/cli/daemon_client.h"

namespace consentry::app::cli {

struct import_wish {
  std::string tenant;
  std::string file;  // "-": standard input
  std::string format;
  std::vector<std::string> mapping;  // "COLUMN=field"
  std::string delimiter;
  bool is_dry_run = false;
  bool is_all_or_nothing = false;
  std::string resume;  // "i000017"
  bool shows_progress = false;
};

struct import_end {
  enum class kind { ended, stopped, failed };
  kind how = kind::failed;
  std::string import;       // its name, once there is one
  boost::json::object job;  // as the daemon last told
  std::string text;         // what failed
  int exit_code = exit_could_not;
};

// Blocks. Ctrl-C stops it between two parts; the job stays and can be gone on with.
import_end upload_and_watch(const daemon_client& daemon, const import_wish& wish);

}  // namespace consentry::app::cli
