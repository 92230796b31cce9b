// The desk's board, brought up to date before it is looked at: on a worker, so that no I/O waits.
#pragma once

#include "app/admin/api.h"

namespace consentry::app::admin {

inline result<void> catch_up(const api_context& c, desk_board& board) {
  for (;;) {
    const auto done = board.catch_up(c.rooms.env, c.rooms.journal);
    if (!done) return done.error();
    if (*done) return {};
  }
}

}  // namespace consentry::app::admin
