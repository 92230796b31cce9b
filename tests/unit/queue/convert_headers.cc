// convert_headers FILE...: the header of each message (CRLF) as to_seven_bit_header makes it, to
// FILE.seven, for compare_headers.py; no file where it has none.
#include <fstream>
#include <iterator>

#include "queue/header_fields.h"
#include "queue/seven_bit_header.h"

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream in{argv[i], std::ios::binary};
    const std::string message{std::istreambuf_iterator<char>{in}, {}};
    const auto parts = consentry::queue::split_header(message);
    if (const auto seven = consentry::queue::to_seven_bit_header(parts.header))
      std::ofstream{std::string{argv[i]} + ".seven", std::ios::binary} << *seven;
  }
}
