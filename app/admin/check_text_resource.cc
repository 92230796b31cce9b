// A text under the content bans, for whoever asks: POST /v1/check-text. Nothing of it is kept.
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/plain_text_check.h"
#include "app/scan_report.h"

namespace consentry::app::admin {

bool text_check_bound::take(const request& r) {
  const std::lock_guard lock{mutex_};
  return checks_.take(std::to_string(r.tenant.value) + "/" + r.person,
                      public_pages::rate_limit::clock::now());
}

resource check_text_resource(api_context& c, request r) {
  json_body body{r.body};
  auto text = body.required_text("text");
  body.finish();
  if (!c.text_checks.take(r))
    co_return problem(429, "too many texts within a minute", "text_checks_full");
  std::function<response()> work = [&c, text = std::move(text)] {
    const auto active = c.live.policy.get();
    const auto reading = read_text(text, *active->patterns);
    if (!reading) return problem_of(reading.error());
    return json_response(
        text_report(*reading, judge_content(*active->set, *reading, c.clock.now())));
  };
  co_return co_await c.workers.run(std::move(work));
}

}  // namespace consentry::app::admin
