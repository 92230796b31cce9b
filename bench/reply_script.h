// What a sink answers instead of yes: a few lines of a file.
//
//   STAGE LOCAL-PART TIMES REPLY
//   rcpt  nobody     *     550 5.1.1 no such user
//   end   slow*      2     451 4.3.0 come back later
//   mail  *          1     close
//
// STAGE: connect, mail, rcpt, data (the command), end (of the message). LOCAL-PART: of the
// recipient (data and end: of any recipient), `*` or a trailing `*` for a prefix; connect and mail
// take `*`. TIMES: how often, or `*`. REPLY `close` hangs up.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::bench {

class reply_script {
 public:
  reply_script() = default;
  explicit reply_script(
      const std::filesystem::path& file);  // throws std::runtime_error, with the line

  // The reply to give, and one use of it spent; nullopt: yes.
  std::optional<std::string> answer(std::string_view stage, std::string_view recipient);

 private:
  struct line {
    std::string stage;
    std::string local_part;
    int times = -1;  // -1: always
    std::string reply;
  };
  std::vector<line> lines_;
};

}  // namespace consentry::bench
