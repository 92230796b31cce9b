#include "app/policy_bundle.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "base/secret.h"
#include "base/text.h"
#include "policy/policy_file.h"

namespace consentry::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view policy_name = "policy/default.toml";
constexpr std::string_view patterns_prefix = "patterns/";
constexpr std::string_view lists_prefix = "lists/";

std::string content_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in.good()) throw configuration_error(file.string() + ": cannot be read");
  if (!fs::is_regular_file(file))
    throw configuration_error(file.string() + ": there is no such file");
  std::string text(fs::file_size(file), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (static_cast<std::size_t>(in.gcount()) != text.size())
    throw configuration_error(file.string() + ": cannot be read to its end");
  return text;
}

bool is_plain_name(std::string_view s) {
  return !s.empty() && s.size() <= 100 && s.front() != '.' &&
         std::all_of(s.begin(), s.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

// "patterns/hu/<name>.toml", "patterns/en/<name>.toml".
bool is_pattern_file(std::string_view name) {
  if (!name.starts_with(patterns_prefix) || !name.ends_with(".toml")) return false;
  name.remove_prefix(patterns_prefix.size());
  return (name.starts_with("hu/") || name.starts_with("en/")) && is_plain_name(name.substr(3));
}

bool is_bundle_name(std::string_view name) {
  return name == policy_name || name == brands_name || name == model_name ||
         name == blocklist_name || name == shorteners_name || is_pattern_file(name);
}

void check_bounds(const policy_bundle& b) {
  if (b.files.size() > bundle_files_max)
    throw configuration_error("a policy has at most 1000 files");
  if (b.bytes() > bundle_bytes_max)
    throw configuration_error("the files of a policy are at most 16 MiB together");
}

const policy_bundle::file& policy_of(const policy_bundle& b) {
  const auto at = b.files.find(std::string{policy_name});
  if (at == b.files.end())
    throw configuration_error(std::string{policy_name} + ": the policy file is missing");
  return at->second;
}

// Of all patterns and lists, in order of their names: any change of one changes the version.
std::string digest_of(const policy_bundle& b) {
  std::string all;
  for (const auto& [name, f] : b.files)
    if (name.starts_with(lists_prefix))
      all += name + " " + hex(as_bytes(sha256(f.text))) + "\n";
    else if (name.starts_with(patterns_prefix))
      all += name.substr(patterns_prefix.size()) + " " + hex(as_bytes(sha256(f.text))) + "\n";
  return hex(as_bytes(sha256(all)));
}

filters::url_lists lists_of(const policy_bundle& b) {
  const auto list = [&b](std::string_view name) {
    const auto at = b.files.find(std::string{name});
    return at == b.files.end() ? filters::host_list{}
                               : filters::parse_host_list(at->second.text, at->second.shown);
  };
  return {.blocked = list(blocklist_name), .shorteners = list(shorteners_name)};
}

std::shared_ptr<const policy::policy_set> set_of(const policy_bundle& b) {
  const auto& policy = policy_of(b);
  return policy::make_policy_set(policy::parse_policy(policy.text, policy.shown), digest_of(b),
                                 policy.shown);
}

}  // namespace

std::size_t policy_bundle::bytes() const noexcept {
  std::size_t all = 0;
  for (const auto& [name, f] : files) all += name.size() + f.text.size();
  return all;
}

policy_bundle read_bundle(const fs::path& policy_file, const fs::path& patterns_folder) {
  std::error_code error;
  if (!fs::is_directory(patterns_folder, error))
    throw configuration_error(patterns_folder.string() + ": no such folder of pattern files");
  policy_bundle out;
  const auto take = [&out](std::string name, const fs::path& file) {
    out.files[std::move(name)] = {file.string(), content_of(file)};
    check_bounds(out);
  };
  take(std::string{policy_name}, policy_file);
  for (const auto& f : filters::pattern_files_below(patterns_folder))
    take(std::string{patterns_prefix} + fs::relative(f, patterns_folder).generic_string(), f);
  if (const auto brands = patterns_folder / "brands.toml"; fs::exists(brands, error))
    take(std::string{brands_name}, brands);
  if (const auto model = patterns_folder / "model.toml"; fs::exists(model, error))
    take(std::string{model_name}, model);
  const auto folder =
      patterns_folder.has_filename() ? patterns_folder : patterns_folder.parent_path();
  for (const auto name : {blocklist_name, shorteners_name})
    if (const auto list = folder.parent_path() / name; fs::exists(list, error))
      take(std::string{name}, list);
  return out;
}

boost::json::object to_json(const policy_bundle& b) {
  boost::json::object out;
  for (const auto& [name, f] : b.files) out[name] = f.text;
  return out;
}

policy_bundle bundle_from_json(const boost::json::object& files) {
  policy_bundle out;
  for (const auto& [key, value] : files) {
    const std::string name{key};
    if (!is_bundle_name(name))
      throw configuration_error("\"" + printable(name, 100) + "\" is no file of a policy");
    if (!value.is_string()) throw configuration_error(name + ": the file's text is missing");
    out.files[name] = {name, std::string{value.get_string()}};
    check_bounds(out);
  }
  return out;
}

std::string version_of(const policy_bundle& b) {
  return set_of(b)->version;
}

std::shared_ptr<const active_policy> load_policy(const policy_bundle& b,
                                                 const filters::database_cache& cache) {
  auto out = std::make_shared<active_policy>();
  out->set = set_of(b);
  filters::pattern_set set;
  for (const std::string_view language : {"patterns/hu/", "patterns/en/"})
    for (const auto& [name, f] : b.files)
      if (name.starts_with(language))
        set.files.push_back(filters::parse_pattern_file(f.text, f.shown));
  if (const auto brands = b.files.find(std::string{brands_name}); brands != b.files.end())
    set.brands = filters::parse_brands(brands->second.text, brands->second.shown);
  if (const auto model = b.files.find(std::string{model_name}); model != b.files.end())
    set.model = filters::parse_model(model->second.text, model->second.shown);
  set.lists = lists_of(b);
  if (set.files.empty()) throw configuration_error("patterns/:1: no pattern files in hu/ or en/");
  out->patterns = std::make_shared<const filters::pattern_database>(std::move(set), cache);
  return out;
}

}  // namespace consentry::app
