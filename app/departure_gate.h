// The queue's gate, answered by the judge: consent can lapse and a tenant can be blocked while mail
// waits (RULES A3, A5).
#pragma once

#include "app/live_settings.h"
#include "app/store_rooms.h"
#include "base/clock.h"
#include "queue/dispatch_gate.h"

namespace consentry::app {

class departure_gate final : public queue::dispatch_gate {
 public:
  departure_gate(store_rooms& rooms, const live_settings& live, const wall_clock& clock)
      : rooms_{rooms}, live_{live}, clock_{clock} {}

  queue::dispatch_decision ask(const queue::queued_message& m,
                               const queue::queued_recipient& r) override;
  bool may_start(tenant_id tenant, smtp::stream stream) noexcept override;

 private:
  store_rooms& rooms_;
  const live_settings& live_;
  const wall_clock& clock_;
};

}  // namespace consentry::app
