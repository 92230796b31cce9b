// Prints every text of the files named on the command line that is scanned, one JSON object a line,
// for compare_texts.py.
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "filters/message_texts.h"
#include "smtp/mime/mime_walk.h"
#include "tests/support/direct_reader.h"

using namespace consentry;

int main(int argc, char** argv) {
  const tests::direct_reader reader;
  for (int i = 1; i < argc; ++i) {
    std::ifstream in{argv[i], std::ios::binary};
    const std::string message{std::istreambuf_iterator<char>{in}, {}};
    const auto walked = smtp::mime::walk(message);
    const auto found = filters::gather_texts(walked, {}, {&reader, {}});
    boost::json::array texts;
    for (const auto& t : found.texts) texts.emplace_back(t.seen);
    // HTML as it was written: what is seen of it is compared with gumbo's tree elsewhere.
    for (const auto& s : found.sources) texts.emplace_back(s.seen);
    boost::json::object out{{"file", argv[i]}};
    out["texts"] = std::move(texts);
    out["unscannable"] = boost::json::value_from(found.unscannable_because);
    std::cout << boost::json::serialize(out) << '\n';
  }
}
