// Somebody who looks at a conversation as it goes. Nothing that it does may take long or throw; it
// sees what goes over the wire, so it decides what of it is shown (queue/trace_board.h).
#pragma once

#include <string_view>

#include "smtp/reply.h"

namespace consentry::smtp::client {

class dialog_tap {
 public:
  virtual ~dialog_tap() = default;
  virtual void sent(std::string_view bytes) = 0;  // commands and content, before they are written
  virtual void received(const reply& r) = 0;
  virtual void noted(
      std::string_view what) = 0;  // "connected to 192.0.2.1:25", "TLSv1.3 ..", why it ended
};

}  // namespace consentry::smtp::client
