#include "policy/consent/import.h"
#include "policy/consent/import_planner.h"
#include "policy/consent/import_rows.h"
#include "policy/consent/import_run.h"

namespace consentry::policy::consent {

result<batch_plan> plan_batch(std::string_view text, const import_request& request,
                              const import_lookup& lookup, const import_limits& limits) {
  const auto layout = read_layout(text, request);
  if (!layout) return layout.error();
  text.remove_prefix(layout->header_bytes);
  run_writer shared;
  row_planner planner{request, lookup, limits, shared};
  const auto reader = make_row_reader(text, 1 + layout->header_lines, *layout, limits);
  batch_plan out;
  planned_row row;
  for (raw_row raw; reader->next(raw);) {
    if (auto no = planner.plan(raw, row))
      out.refused.push_back({raw.line, std::move(no->reason), std::move(no->text)});
    else
      to_import_row(row, shared.shared(row.shared), request, out.rows.emplace_back());
  }
  auto met = layout->met;
  met.add(reader->met());
  if (!met.fatal.empty())
    return failure{.kind = failure_kind::invalid, .permanent = true, .public_text = met.fatal};
  return out;
}

}  // namespace consentry::policy::consent
