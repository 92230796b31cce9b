#include "smtp/auth/spf_check.h"

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "base/confined_process.h"
#include "base/log.h"
#include "base/text.h"

namespace consentry::smtp::auth {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr std::string_view room = "smtp/auth/spf_check";
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

// The process and the talk with it. Everything blocks: on a worker only, one at a time.
class spf_talk {
 public:
  spf_talk(spf_check_options o, steady_clock::time_point until)
      : options_{std::move(o)}, until_{until} {}

  // One word to the process, which starts with the first, and what it says: a question, or the
  // verdict that ends it.
  spf::spf_message say(const std::string& frame);

 private:
  spf::check_verdict blame(const failure& why);

  spf_check_options options_;
  steady_clock::time_point until_;
  std::optional<confined_process> process_;
};

spf::check_verdict spf_talk::blame(const failure& why) {
  const auto how =
      process_->end(why.kind == failure_kind::io ? death_time : std::chrono::milliseconds{});
  log::warn(room, "process_failed", {{"why", to_string(why.kind)}, {"how", how}});
  return unknown("the SPF process " + how);
}

spf::spf_message spf_talk::say(const std::string& frame) {
  if (steady_clock::now() >= until_) return unknown("the lookups take too long");
  const auto step_end = std::min(until_, steady_clock::now() + options_.step_time);
  if (!process_) {
    auto started = confined_process::start(
        options_.program, {std::to_string(options_.memory_mib), std::to_string(options_.cpu_s)});
    if (!started) {
      log::error(room, "no_process", {{"cause", started.error().private_cause}});
      return unknown("the SPF process cannot be started");
    }
    process_.emplace(std::move(*started));
  }
  const auto length = [](std::string_view octets) { return spf::body_length(octets); };
  const auto body = process_->exchange(frame, spf::frame_head_octets, length, step_end);
  if (!body) return blame(body.error());
  auto m = spf::decode(*body);
  const bool is_theirs = m && (std::holds_alternative<spf::dns_question>(*m) ||
                               std::holds_alternative<spf::check_verdict>(*m));
  if (!is_theirs) return blame({.kind = failure_kind::protocol});
  return std::move(*m);
}

// Whatever ends the question, its asker's cancellation too: the process is ended, and waited for,
// by a worker.
class talk_owner {
 public:
  talk_owner(worker_pool& workers, spf_check_options o, steady_clock::time_point until)
      : workers_{workers}, talk_{std::make_shared<spf_talk>(std::move(o), until)} {}
  ~talk_owner() {
    workers_.post([talk = std::move(talk_)]() mutable { talk.reset(); });
  }
  talk_owner(const talk_owner&) = delete;
  talk_owner& operator=(const talk_owner&) = delete;

  std::function<spf::spf_message()> word(std::string frame) const {
    return [talk = talk_, frame = std::move(frame)] { return talk->say(frame); };
  }

 private:
  worker_pool& workers_;
  std::shared_ptr<spf_talk> talk_;
};

}  // namespace

asio::awaitable<spf::check_verdict> check_spf(worker_pool& workers, dns_lookup lookup,
                                              spf_check_options options,
                                              spf::check_request request) {
  const auto until = steady_clock::now() + options.time;
  if (options.time.count() <= 0) co_return unknown("the lookups take too long");
  const talk_owner talk{workers, std::move(options), until};
  std::string frame = spf::encode(request);
  int voids = 0;
  for (int questions = 0;; ++questions) {
    auto word = talk.word(std::move(frame));
    const auto m = co_await workers.run(std::move(word));
    if (const auto* verdict = std::get_if<spf::check_verdict>(&m)) co_return *verdict;
    const auto& question = std::get<spf::dns_question>(m);
    if (steady_clock::now() >= until) co_return unknown("the lookups take too long");
    if (questions == questions_max)
      co_return spf::check_verdict{spf::spf_result::permerror, "too many lookups"};
    const auto type = question.type;
    const bool is_own =
        type == spf::question_type::txt && ascii_iequals(question.name, request.domain);
    std::string name = question.name;
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
