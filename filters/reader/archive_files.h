// The files in an archive, one after the other. The one door to libarchive.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "filters/reader/file_kind.h"
#include "filters/reader/read_context.h"

namespace consentry::filters::reader {

struct archived_file {
  std::string name;  // UTF-8, as the archive writes it, with its folders
  std::string bytes;
  bool is_picture = false;  // by its content; bytes hold only its head then
};

// Loads what names need: before the process is confined.
void prepare_archives();

// kind: zip, tar or gzip (a gzipped tar gives the tar). Pictures are not unpacked. Throws
// reading_stopped where a limit is reached. Returns why not all could be read, empty: all was.
std::string each_archived_file(std::string_view archive, file_kind kind, read_context& context,
                               const std::function<void(archived_file&)>& take);

}  // namespace consentry::filters::reader
