// A personalised newsletter of a wanted size, cheap to make: a form whose blanks differ in every
// message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::bench {

class letter {
 public:
  struct options {
    std::size_t bytes = 10240;  // about; at least a head and one paragraph
    std::string sender_domain = "sender.test";
    std::string tag = "load";  // X-Load-Id: <tag>-<number>
  };

  explicit letter(const options& o);

  // Appends message number id to out, CRLF line ends, no line starting with a dot, without the
  // final dot.
  void write(std::uint64_t id, std::string_view recipient, std::string& out) const;

 private:
  enum class blank : std::uint8_t { none, number, hash, name, recipient };
  struct piece {
    std::string text;
    blank after = blank::none;
  };
  void add(std::string_view form);

  std::vector<piece> pieces_;
  std::size_t length_ = 0;
};

}  // namespace consentry::bench
