// Prints what walk() found in the files named on the command line, one JSON object a line, for
// compare_with_python.py.
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/secret.h"
#include "base/text.h"
#include "smtp/mime/mime_walk.h"

namespace mime = consentry::smtp::mime;

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream in{argv[i], std::ios::binary};
    const std::string message{std::istreambuf_iterator<char>{in}, {}};
    const mime::walked_message walked = mime::walk(message);
    boost::json::array leaves;
    for (const auto& p : walked.parts) {
      if (p.is_container) continue;
      leaves.push_back({{"path", p.path},
                        {"type", p.type},
                        {"sha256", consentry::hex(consentry::as_bytes(consentry::sha256(p.body)))},
                        {"bytes", p.body.size()},
                        {"charset", p.charset},
                        {"file_name", p.file_name}});
    }
    boost::json::object out{{"file", argv[i]}, {"unscannable", walked.unscannable}};
    out["leaves"] = std::move(leaves);
    out["problems"] = boost::json::value_from(walked.problems);
    const mime::header_field* subject = walked.header("Subject");
    out["subject"] = subject ? subject->text : "";
    std::cout << boost::json::serialize(out) << '\n';
  }
}
