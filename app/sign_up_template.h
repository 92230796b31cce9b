// What of a confirmation mail is the same for everybody: the text that a person of the operator's
// approves once (RULES A2 5.3), and its hash. Pure.
#pragma once

#include <string>

#include "smtp/mime/mime_walk.h"

namespace consentry::app {

// Subject and every part of the message, one below the other. Of texts (HTML as its source) is
// removed what differs from person to person: addresses "@", the name that stands in To "~", words
// with digits "#", and paths and queries of links; images and style sheets keep their path. Other
// parts stand with type and digest, so nothing can be put in unseen.
std::string normalized_template(const smtp::mime::walked_message& mail);

// SHA-256 of it, 32 bytes.
std::string template_hash(const smtp::mime::walked_message& mail);

}  // namespace consentry::app
