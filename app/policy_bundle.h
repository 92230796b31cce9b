// The files of a policy as one value: what lint reads, what a version keeps, what travels to the
// daemon.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "app/live_settings.h"

namespace consentry::app {

// What a policy may lack: names that only their owners may show, the content model, and domains
// that links are compared with.
inline constexpr std::string_view brands_name = "patterns/brands.toml";
inline constexpr std::string_view model_name = "patterns/model.toml";
inline constexpr std::string_view blocklist_name = "lists/url_blocklist.txt";
inline constexpr std::string_view shorteners_name = "lists/shorteners.txt";

inline constexpr std::size_t bundle_files_max = 1000;
inline constexpr std::size_t bundle_bytes_max = 16u << 20;

struct policy_bundle {
  struct file {
    std::string shown;  // in errors: the path it was read from, or its name
    std::string text;
  };
  // By name: "policy/default.toml", "patterns/hu/s3_gambling.toml", "patterns/brands.toml",
  // "lists/shorteners.txt".
  std::map<std::string, file> files;

  std::size_t bytes() const noexcept;
};

// The lists lie beside the patterns, in "lists". Throws configuration_error: no such folder or
// file, unreadable, beyond the bounds.
policy_bundle read_bundle(const std::filesystem::path& policy_file,
                          const std::filesystem::path& patterns_folder);

// {"policy/default.toml": "text", ..}. from_json throws configuration_error for names that are none
// of a policy's files, and beyond the bounds.
boost::json::object to_json(const policy_bundle& b);
policy_bundle bundle_from_json(const boost::json::object& files);

// Two bundles with the same knobs, pattern files and lists have the same version ("p" and 12 hex
// digits). Throws configuration_error for a policy file that cannot be read.
std::string version_of(const policy_bundle& b);

// Compiles: seconds at most; never on an I/O thread. Throws configuration_error "file:line: text";
// nothing is half loaded.
std::shared_ptr<const active_policy> load_policy(
    const policy_bundle& b, const filters::database_cache& cache = filters::database_cache{});

}  // namespace consentry::app
