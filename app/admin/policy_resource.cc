// The policy: which is in force, what was before, and how it changes (RULES E7, E10).
#include "app/policy_versions.h"

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/policy_diff.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

json::array to_array(const std::vector<toml_problem>& problems) {
  json::array out;
  for (const auto& p : problems) out.push_back(to_json(p));
  return out;
}

response show(api_context& c) {
  struct found {
    std::optional<policy_activation> last;
    std::optional<policy_version> version;
  };
  const auto read = c.rooms.env.read([&](read_txn& txn) {
    found f{.last = c.rooms.policies.in_force(txn), .version = {}};
    if (f.last) f.version = c.rooms.policies.find(txn, f.last->version);
    return f;
  });
  if (!read) return problem_of(read.error());
  const auto live = c.live.policy.get();
  json::object knobs;
  for (const auto& [name, value] : live->set->knobs) knobs[name] = value;
  json::object o{{"version", live->set->version},
                 {"patterns", live->patterns->patterns().size()},
                 {"knobs", std::move(knobs)}};
  if (read->last) o["activation"] = to_json(*read->last);
  if (read->version) o["made"] = to_json(*read->version);
  return json_response(o);
}

response list_versions(api_context& c) {
  const auto read = c.rooms.env.read([&](read_txn& txn) {
    json::array out;
    for (const auto& v : c.rooms.policies.versions(txn)) out.push_back(to_json(v));
    return out;
  });
  if (!read) return problem_of(read.error());
  return json_response(
      json::object{{"in_force", c.live.policy.get()->set->version}, {"versions", *read}});
}

struct stored_policy {
  policy_version made;
  policy_bundle files;
};

// not_found.
result<stored_policy> find_version(api_context& c, const std::string& version) {
  auto read = c.rooms.env.read([&](read_txn& txn) -> std::optional<stored_policy> {
    auto v = c.rooms.policies.find(txn, version);
    if (!v) return std::nullopt;
    auto files = c.rooms.policies.files_of(txn, *v);
    return stored_policy{std::move(*v), std::move(files)};
  });
  if (!read) return read.error();
  if (!*read)
    return failure{.kind = failure_kind::not_found,
                   .permanent = true,
                   .public_text = "there is no policy " + printable(version, 40)};
  return std::move(**read);
}

response show_version(api_context& c, const std::string& version) {
  const auto found = find_version(c, version);
  if (!found) return problem_of(found.error());
  auto o = to_json(found->made);
  o["files"] = to_json(found->files);
  return json_response(o);
}

response show_history(api_context& c, const request& r) {
  const auto limit = number_of(r, "limit", 50, 1000);
  const auto before = number_of(r, "before", 0, UINT64_MAX);
  const auto read = c.rooms.env.read([&](read_txn& txn) {
    json::array out;
    for (const auto& a : c.rooms.policies.history(txn, before, limit)) out.push_back(to_json(a));
    return out;
  });
  if (!read) return problem_of(read.error());
  return json_response(json::object{{"activations", *read}});
}

response lint(const request& r) {
  json_body body{r.body};
  const auto* files = body.object("files");
  body.finish();
  if (files == nullptr) return problem(422, "files is required");
  const auto found = check_policy(bundle_from_json(*files));
  json::object o{{"problems", to_array(found.problems)}, {"warnings", to_array(found.warnings)}};
  if (found.policy != nullptr) o["version"] = found.policy->set->version;
  return json_response(o);
}

// One side of a comparison: a version's name, files, or by default the one in force.
result<policy_bundle> side_of(api_context& c, json_body& body, std::string_view version_member,
                              std::string_view files_member) {
  const auto version = body.text(version_member);
  if (const auto* files = body.object(files_member)) {
    if (!version.empty())
      throw configuration_error(std::string{version_member} + " and " + std::string{files_member} +
                                " exclude each other");
    return bundle_from_json(*files);
  }
  auto found = find_version(c, version.empty() ? c.live.policy.get()->set->version : version);
  if (!found) return found.error();
  return std::move(found->files);
}

response diff(api_context& c, const request& r) {
  json_body body{r.body};
  const auto from = side_of(c, body, "from", "from_files");
  const auto to = side_of(c, body, "to", "to_files");
  body.finish();
  if (!from) return problem_of(from.error());
  if (!to) return problem_of(to.error());
  auto o = to_json(compare(*from, *to));
  o["from"] = version_of(*from);
  o["to"] = version_of(*to);
  return json_response(o);
}

response answer_of(policy_versions::outcome done) {
  if (const auto* f = std::get_if<failure>(&done)) return problem_of(*f);
  if (const auto* problems = std::get_if<std::vector<toml_problem>>(&done))
    return problem(422, to_line(problems->front()), "policy_refused",
                   json::object{{"problems", to_array(*problems)}});
  return json_response(to_json(std::get<policy_activation>(done)));
}

response activate(api_context& c, const request& r, bool back) {
  json_body body{r.body};
  const policy_act by{actor_of(r), body.required_text("reason")};
  const auto version = body.text("version");
  const auto* files = back ? nullptr : body.object("files");
  body.finish();
  if (files != nullptr && !version.empty())
    return problem(422, "version and files exclude each other");
  if (files != nullptr) return answer_of(c.policies->activate(bundle_from_json(*files), by));
  if (!back && version.empty()) return problem(422, "files or version is required");
  return answer_of(c.policies->return_to(version, by));
}

response serve_policy(api_context& c, const request& r) {
  const std::string part = r.path.size() > 2 ? r.path[2] : std::string{};
  if (part.empty()) return show(c);
  if (part == "versions" && r.path.size() == 3) return list_versions(c);
  if (part == "versions") return show_version(c, r.path[3]);
  if (part == "history") return show_history(c, r);
  if (part == "lint") return lint(r);
  if (part == "diff") return diff(c, r);
  if (part == "activate") return activate(c, r, false);
  if (part == "rollback") return activate(c, r, true);
  return problem(404, "no such resource");
}

}  // namespace

// Compiling takes its time: on a worker.
resource policy_resource(api_context& c, request r) {
  if (c.policies == nullptr) co_return problem(503, "no policies here");
  std::function<response()> work = [&c, r = std::move(r)] {
    try {
      return serve_policy(c, r);
    } catch (const configuration_error& e) {
      return problem(422, e.what());
    }
  };
  co_return co_await c.workers.run(std::move(work));
}

}  // namespace consentry::app::admin
