// The copy that one recipient gets: header fields of its own in front of a header and body shared
// by all copies. Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "queue/queued_message.h"
#include "smtp/auth/key_ring.h"
#include "smtp/token.h"

namespace consentry::queue {

enum class message_id_rewrite : std::uint8_t { none, bulk, all };  // RULES C1: message_id.rewrite

struct copy_settings {
  std::string bounce_domain;    // return paths b-<token>@..., unsubscribe mail u-<token>@...
  std::string gateway_domain;   // signs second where it has keys (RULES B "Sending"); may be empty
  std::string unsubscribe_url;  // "https://news.gateway.example/u/": the token is put behind it;
                                // empty: mailto only
  // CFBL-Address (RFC 9477): "fbl@mail.gateway.example"; empty: none. Its domain is gateway_domain.
  std::string feedback_address;
  std::string feedback_sender_id = "consentry";  // SenderId of Feedback-ID: 5-15 characters, stable
  message_id_rewrite rewrite = message_id_rewrite::bulk;
};

// What all copies of a message share. Immutable once made.
struct shared_content {
  std::string header;  // fields with CRLF, without the empty line; without what no copy may carry
                       // (Bcc, Return-Path ...); 7-bit as well
  std::string body;    // 7-bit: converted where it was not, so that no relay has to break the
                       // signature (RFC 6376 section 5.3)
  digest256 body_hash{};          // relaxed
  bool eight_bit_body = false;    // could not be converted: the next hop needs 8BITMIME
  bool eight_bit_header = false;  // could not be converted either: the next hop needs SMTPUTF8
  bool has_message_id = false, has_date = false, has_list_id = false;
};

// data: the message as spooled, CRLF.
std::shared_ptr<const shared_content> make_shared_content(const queued_message& m,
                                                          std::string_view data,
                                                          message_id_rewrite rewrite);

// "b-<token>@bounce.domain"; "" for notices.
std::string return_path(const copy_settings& s, const smtp::token_ring& tokens,
                        const queued_message& m, recipient_id r);

// The whole header block of the copy, signatures first, with the empty line behind it. The body
// follows.
std::string copy_header(const copy_settings& s, const smtp::token_ring& tokens,
                        const smtp::auth::key_ring& keys, const queued_message& m, recipient_id r,
                        const shared_content& content, instant now);

}  // namespace consentry::queue
