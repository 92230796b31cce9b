// Who reads what a message carries beyond text and HTML.
#pragma once

#include "filters/reader/reading.h"

namespace consentry::filters {

// Implemented by confined_reader, by noting_reader, and by what tests and fuzzers run in their own
// process.
class attachment_reader {
 public:
  virtual ~attachment_reader() = default;
  // Never throws for bad input; whatever goes wrong is a problem of the reading. Blocks for the
  // time that the request allows. Any thread.
  virtual reader::reading read(const reader::read_request& request) const = 0;
};

// Reads nothing, and remembers that it was asked to: whether a message needs a reader.
class noting_reader final : public attachment_reader {
 public:
  reader::reading read(const reader::read_request&) const override {
    was_asked_ = true;
    return {};
  }
  bool was_asked() const noexcept { return was_asked_; }

 private:
  mutable bool was_asked_ = false;
};

}  // namespace consentry::filters
