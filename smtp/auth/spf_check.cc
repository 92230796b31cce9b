#include "smtp/auth/spf_check.h"

#include <chrono>
#include <memory>
#include <utility>

#include "base/confined_process.h"
#include "base/log.h"
#include "base/text.h"

namespace consentry::smtp::auth {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds death_time{200};
// RFC 7208 section 4.6.4: ten terms, of which an mx or ptr may ask for ten more addresses each, two
// of them in earnest; a record that needs more is not one to rely on.
constexpr int questions_max = 40;
constexpr int voids_max = 2;

spf::check_verdict unknown(std::string why) {
  return {spf::spf_result::temperror, std::move(why)};
}

// MX and PTR as names, which is all that SPF wants of them.
std::optional<std::string> record_of(const std::string& rdata, spf::question_type type) {
  switch (type) {
    case spf::question_type::a:
    case spf::question_type::aaaa:
      return rdata;
    case spf::question_type::txt:
      return dns::parse_txt(rdata);
    case spf::question_type::mx: {
      const auto mx = dns::parse_mx(rdata);
      return mx && !mx->host.empty() ? std::optional{mx->host} : std::nullopt;
    }
    case spf::question_type::ptr: {
      // A name is what an MX record holds behind its preference.
      const auto as_mx = dns::parse_mx(std::string(2, '\0') + rdata);
      return as_mx && !as_mx->host.empty() ? std::optional{as_mx->host} : std::nullopt;
    }
  }
  return std::nullopt;
}

spf::dns_reply reply_of(const result<dns::dns_answer>& answer, spf::question_type type) {
  spf::dns_reply out;
  // A name that cannot be asked for is one that is not there.
  if (!answer && answer.error().kind == failure_kind::invalid)
    return {.found = spf::dns_finding::no_name};
  if (!answer) return out;
  if (answer->found == dns::existence::no_name) return {.found = spf::dns_finding::no_name};
  for (const auto& rdata : answer->records)
    if (auto record = record_of(rdata, type)) out.records.push_back(std::move(*record));
  out.found = out.records.empty() ? spf::dns_finding::nothing : spf::dns_finding::found;
  return out;
}

using spoken = result<spf::spf_message>;

// One word to the process, and its answer. On a worker.
spoken say(confined_process& process, const std::string& frame, steady_clock::time_point until) {
  const auto length = [](std::string_view head) { return spf::body_length(head); };
  const auto body = process.exchange(frame, spf::frame_head_octets, length, until);
  if (!body) return body.error();
  auto m = spf::decode(*body);
  if (!m) return failure{.kind = failure_kind::protocol};
  return std::move(*m);
}

spf::check_verdict blame(confined_process& process, const failure& why) {
  const auto how =
      process.end(why.kind == failure_kind::io ? death_time : std::chrono::milliseconds{});
  log::warn("smtp/auth/spf_check", "process_failed", {{"why", to_string(why.kind)}, {"how", how}});
  return unknown("the SPF process " + how);
}

}  // namespace

asio::awaitable<spf::check_verdict> check_spf(worker_pool& workers, dns_lookup lookup,
                                              spf_check_options options,
                                              spf::check_request request) {
  const auto until = steady_clock::now() + options.time;
  std::vector<std::string> arguments{std::to_string(options.memory_mib),
                                     std::to_string(options.cpu_s)};
  auto started = confined_process::start(options.program, arguments);
  if (!started) {
    log::error("smtp/auth/spf_check", "no_process", {{"cause", started.error().private_cause}});
    co_return unknown("the SPF process cannot be started");
  }
  const auto process = std::make_shared<confined_process>(std::move(*started));
  std::string frame = spf::encode(request);
  int voids = 0;
  for (int questions = 0;; ++questions) {
    const auto step_end = std::min(until, steady_clock::now() + options.step_time);
    std::function<spoken()> step = [process, frame, step_end] {
      return say(*process, frame, step_end);
    };
    const auto m = co_await workers.run(std::move(step));
    if (!m) co_return blame(*process, m.error());
    if (const auto* verdict = std::get_if<spf::check_verdict>(&*m)) co_return *verdict;
    const auto* question = std::get_if<spf::dns_question>(&*m);
    if (question == nullptr) {
      const failure nonsense{.kind = failure_kind::protocol};
      co_return blame(*process, nonsense);
    }
    if (steady_clock::now() >= until) co_return unknown("the lookups take too long");
    if (questions == questions_max)
      co_return spf::check_verdict{spf::spf_result::permerror, "too many lookups"};
    const auto type = question->type;
    const bool is_own =
        type == spf::question_type::txt && ascii_iequals(question->name, request.domain);
    std::string name = question->name;
    const auto answer = co_await lookup(std::move(name), static_cast<dns::record_type>(type));
    const auto reply = reply_of(answer, type);
    if (!is_own &&
        (reply.found == spf::dns_finding::nothing || reply.found == spf::dns_finding::no_name) &&
        ++voids > voids_max)
      co_return spf::check_verdict{spf::spf_result::permerror,
                                   "more than two lookups found nothing"};
    frame = spf::encode(reply);
  }
}

}  // namespace consentry::smtp::auth
