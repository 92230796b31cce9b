// One copy to one recipient over the network. smtp_transport.h speaks SMTP, tests keep what they
// are given.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "queue/courier.h"
#include "queue/message_copy.h"
#include "queue/route_table.h"
#include "smtp/client/dialog_tap.h"
#include "smtp/envelope.h"

namespace consentry::queue {

struct transmission {
  departure from;      // connections are shared by its path
  std::string domain;  // of the recipient, A-labels
  std::shared_ptr<const route_table> routes;
  std::string return_path;  // "": null
  std::string recipient;
  bool smtputf8 = false;  // address or header need it
  smtp::tls_wish tls = smtp::tls_wish::none;
  std::string header;                               // of the copy, with the empty line
  std::shared_ptr<const shared_content> content;    // its body follows the header
  std::function<bool()> may_start;                  // asked just before MAIL FROM is written
  std::shared_ptr<smtp::client::dialog_tap> tap{};  // nullptr: nobody looks
};

class transport {
 public:
  virtual ~transport() = default;
  // As courier::carry.
  virtual boost::asio::awaitable<carried> transmit(std::shared_ptr<const transmission> t) = 0;
};

}  // namespace consentry::queue
