// The content of DATA: finds its true end and takes out the transparency dots (RFC 5321
// section 4.5.2).
#pragma once

#include <cstddef>
#include <string_view>

namespace consentry::smtp::server {

// Only CRLF "." CRLF ends the data. Whatever else some server might take for the end (LF.LF, CR.CR,
// LF.CRLF, CRLF.LF...) is content, which text_check then refuses: nothing behind it is ever run as
// a command (SMTP smuggling).
class data_reader {
 public:
  struct step {
    std::size_t consumed = 0;  // octets of the input that are done with
    std::string_view
        content;          // the next piece of content, without dots; into the input or a constant
    bool at_end = false;  // the terminating line was consumed
  };

  // Call again with the rest until it is empty or the end is reached. However the input is cut into
  // pieces, the contents joined are the same.
  step next(std::string_view input);

 private:
  enum class state { line_start, dot, dot_cr, text, text_cr };
  step text(std::string_view input);
  state state_ = state::line_start;
};

}  // namespace consentry::smtp::server
