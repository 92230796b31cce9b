// Reads attachments in the test's own process.
#pragma once

#include "filters/attachment_reader.h"
#include "filters/reader/file_text.h"

namespace consentry::tests {

class direct_reader final : public filters::attachment_reader {
 public:
  filters::reader::reading read(const filters::reader::read_request& request) const override {
    return filters::reader::read_file(request);
  }
};

}  // namespace consentry::tests
