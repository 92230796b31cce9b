// The whole daemon: makes the rooms, introduces them to each other, runs them, drains them.
#pragma once

#include <memory>
#include <vector>

#include "app/settings.h"
#include "base/clock.h"

namespace consentry::app {

// Sockets that listen already, one for each settings.listeners in order: bound while the process
// may still bind low ports.
std::vector<int> bind_listeners(const settings& s);

class gateway {
 public:
  // Throws configuration_error. Takes the sockets. file: what SIGHUP reads again.
  gateway(settings s, std::filesystem::path file, std::vector<int> sockets,
          const wall_clock& clock);
  ~gateway();

  // Before run(): after a restore, what the journal off the host tells of the time since (see
  // restore_replay.h). Throws configuration_error.
  void replay(const std::filesystem::path& journal_file);

  // Until SIGTERM or SIGINT and the draining after it. 0: done; 3: the store broke and nothing more
  // could be promised.
  int run();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry::app
