// What libraries load late, loaded early: once confined the process opens no file.
#pragma once

namespace consentry::filters::reader {

void warm_up();

}  // namespace consentry::filters::reader
