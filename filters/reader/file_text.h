// Reads a file of any kind, and the files in it: what the confined process is there for.
#pragma once

#include "filters/reader/reading.h"

namespace consentry::filters::reader {

// Never throws for bad input; the fragile libraries below it may crash all the same. Kind by
// content; a claim that says otherwise is a problem, what cannot be read is one. One call at a time
// in a process.
reading read_file(const read_request& request);

}  // namespace consentry::filters::reader
