#include "app/message_reading.h"

#include "app/evidence_gatherer.h"
#include "base/text.h"
#include "filters/scanner.h"

namespace consentry::app {
namespace {

// The one value of a header of ours; invalid where it stands twice or does not read.
result<std::string> own_header(const smtp::mime::walked_message& mail, std::string_view name) {
  const auto* field = mail.header(name);
  if (field == nullptr) return std::string{};
  if (mail.count(name) > 1)
    return failure{.kind = failure_kind::invalid,
                   .permanent = true,
                   .public_text = std::string{name} + " stands twice"};
  auto value = valid_name(field->text);
  if (!value)
    return failure{.kind = failure_kind::invalid,
                   .permanent = true,
                   .public_text = std::string{name} + ": " + value.error().public_text};
  return value;
}

// What the sender says the mail is for. Saying nothing, or "mailing", changes nothing: what is
// found in the text counts all the same.
result<bool> is_permission_request(const smtp::mime::walked_message& mail) {
  constexpr std::string_view name = "X-Consentry-Purpose";
  auto purpose = own_header(mail, name);
  if (!purpose) return purpose.error();
  if (purpose->empty() || ascii_iequals(*purpose, "mailing")) return false;
  if (ascii_iequals(*purpose, "permission-request") ||
      ascii_iequals(*purpose, "permission_request"))
    return true;
  return failure{.kind = failure_kind::invalid,
                 .permanent = true,
                 .public_text = std::string{name} + ": mailing or permission-request"};
}

}  // namespace

filters::attachment_access access_to_attachments(const filters::attachment_reader* reader,
                                                 const policy::rule_knobs& knobs) {
  return {.reader = reader,
          .limits = {.depth_max = static_cast<unsigned>(knobs.attachments_depth_max),
                     .ratio_max = static_cast<unsigned>(knobs.attachments_ratio_max),
                     .unpacked_max = static_cast<std::uint64_t>(knobs.attachments_total_mib) << 20,
                     .entries_max = static_cast<unsigned>(knobs.attachments_files_max),
                     .time_ms = static_cast<std::uint32_t>(knobs.attachments_time_s) * 1000}};
}

result<message_reading> read_message(std::string_view data,
                                     const filters::pattern_database& patterns,
                                     const sender_view& sender,
                                     const filters::attachment_access& attachments) {
  message_reading out;
  out.mail = smtp::mime::walk(data);
  auto campaign = own_header(out.mail, "X-Consentry-Campaign");
  if (!campaign) return campaign.error();
  auto topic = own_header(out.mail, "X-Consentry-Topic");
  if (!topic) return topic.error();
  out.names = {.campaign = std::move(*campaign), .topic = std::move(*topic)};
  auto asks = is_permission_request(out.mail);
  if (!asks) return asks.error();
  out.is_permission_request = *asks;

  filters::scan_options options;
  options.attachments = attachments;
  if (sender.directory != nullptr) {
    options.sender.is_verified = [&sender](std::string_view domain) {
      return sender.directory->owns(sender.tenant, domain);
    };
    if (const auto* t = sender.directory->find(sender.tenant))
      options.sender_name = sender_identity(*t);
  }
  out.scan = filters::scan(out.mail, patterns, options);
  out.from_domain = out.scan.from_domain;
  return out;
}

}  // namespace consentry::app
