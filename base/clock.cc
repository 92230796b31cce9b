#include "base/clock.h"

namespace consentry {

instant system_wall_clock::now() const noexcept {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace consentry
