// Who reads what a message carries beyond text and HTML.
#pragma once

#include "filters/reader/reading.h"

namespace consentry::filters {

// Two implementations: confined_reader, and the one that tests and fuzzers run in their own
// process.
class attachment_reader {
 public:
  virtual ~attachment_reader() = default;
  // Never throws for bad input; whatever goes wrong is a problem of the reading. Blocks for the
  // time that the request allows. Any thread.
  virtual reader::reading read(const reader::read_request& request) const = 0;
};

}  // namespace consentry::filters
