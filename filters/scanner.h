// Looks through a whole message and reports what it found. It never decides.
#pragma once

#include "filters/finding.h"
#include "filters/header_forgery.h"
#include "filters/html_text.h"
#include "filters/message_texts.h"
#include "filters/pattern_database.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::filters {

// RULES F7.
struct zone_factors {
  double subject = 2;
  double header = 1;
  double body = 1;
  double link = 1;
  double attachment = 1;
  double hidden = 1.5;
  double of(zone z) const noexcept;
};

struct scan_options {
  sender_facts sender;
  zone_factors factors;
  html_limits html;
  attachment_access attachments;
  std::string sender_name;          // legal name, sought where the message reminds of a sign-up
  std::size_t occurrences_max = 5;  // reported per pattern besides the counted one
};

// Subject, visible headers, texts, links, hidden texts, attachments, nested messages, and the
// structural header checks. What cannot be read (encrypted, broken, of pictures only; without a
// reader all that is no text) makes the result unscannable, with reasons. Any thread; linear in the
// message.
scan_result scan(const smtp::mime::walked_message& mail, const pattern_database& database,
                 const scan_options& options = {});

}  // namespace consentry::filters
