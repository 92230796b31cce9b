#include "app/campaign_source.h"

#include <fmt/format.h>

#include "base/text.h"

namespace consentry::app {
namespace {

failure invalid(std::string text) {
  return {.kind = failure_kind::invalid,
          .permanent = true,
          .scope = failure_scope::message,
          .public_text = std::move(text)};
}

result<std::string> joined(const std::string& known, const std::string& later,
                           std::string_view what) {
  if (known.empty()) return later;
  if (later.empty() || ascii_iequals(known, later)) return known;
  return invalid(fmt::format("the header names {} {}, but credential or envelope sender say {}",
                             what, later, known));
}

}  // namespace

result<std::string> valid_name(std::string_view text) {
  text = trim(text);
  if (text.empty() || text.size() > 64)
    return invalid("a campaign or topic name has 1 to 64 characters");
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '.' && c != '_' && c != '-')
      return invalid(fmt::format(
          "a campaign or topic name holds only letters, digits, dot, dash and underscore: \"{}\"",
          printable(text, 80)));
  }
  return std::string{text};
}

result<campaign_name> from_sub_address(const smtp::mailbox& envelope_sender) {
  campaign_name out;
  const std::string_view local = envelope_sender.local();
  const auto plus = local.find('+');
  if (plus == std::string_view::npos) return out;
  const auto detail = local.substr(plus + 1);
  const auto equals = detail.find('=');
  auto campaign = valid_name(detail.substr(0, equals));
  if (!campaign) return campaign.error();
  out.campaign = std::move(*campaign);
  if (equals != std::string_view::npos) {
    auto topic = valid_name(detail.substr(equals + 1));
    if (!topic) return topic.error();
    out.topic = std::move(*topic);
  }
  return out;
}

result<campaign_name> join(const campaign_name& known, const campaign_name& later) {
  auto campaign = joined(known.campaign, later.campaign, "campaign");
  if (!campaign) return campaign.error();
  auto topic = joined(known.topic, later.topic, "topic");
  if (!topic) return topic.error();
  return campaign_name{std::move(*campaign), std::move(*topic)};
}

}  // namespace consentry::app
