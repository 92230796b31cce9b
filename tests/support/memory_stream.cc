#include "tests/support/memory_stream.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace consentry::tests {

namespace asio = boost::asio;
using smtp::server::byte_stream;

namespace {

failure session_failure(failure_kind kind) {
  return {kind, false, failure_scope::session, "", ""};
}

}  // namespace

class memory_stream final : public byte_stream {
 public:
  explicit memory_stream(std::shared_ptr<memory_peer::pipe> p) : pipe_{std::move(p)} {}
  ~memory_stream() override { pipe_->session_closed = true; }

  asio::awaitable<result<std::size_t>> read_some(std::span<char> into, duration) override {
    auto& p = *pipe_;
    while (available() == 0) {
      if (p.interrupted) {
        p.interrupted = false;
        co_return session_failure(failure_kind::cancelled);
      }
      if (p.timed_out) {
        p.timed_out = false;
        co_return session_failure(failure_kind::timeout);
      }
      if (p.peer_closed) co_return std::size_t{0};
      p.waiting = true;
      p.wake.expires_at(asio::steady_timer::time_point::max());
      (void)co_await p.wake.async_wait(asio::as_tuple(asio::use_awaitable));
      p.waiting = false;
    }
    const auto octets = std::min({into.size(), available(), p.read_max});
    p.to_session.copy(into.data(), octets, p.taken);
    p.taken += octets;
    if (p.taken == p.to_session.size()) {
      p.to_session.clear();
      p.taken = 0;
    }
    co_return octets;
  }

  asio::awaitable<result<void>> write(std::string_view bytes, duration) override {
    if (pipe_->peer_closed) co_return session_failure(failure_kind::io);
    pipe_->to_peer += bytes;
    ++pipe_->writes;
    co_return result<void>{};
  }

  std::size_t available() override { return pipe_->to_session.size() - pipe_->taken; }
  bool can_start_tls() const override { return pipe_->offers_tls && !pipe_->tls_on; }
  asio::awaitable<result<void>> start_tls(duration) override {
    if (!can_start_tls() || available() > 0) co_return session_failure(failure_kind::tls);
    pipe_->tls_on = true;
    co_return result<void>{};
  }
  std::string tls() const override { return pipe_->tls_on ? "TLSv1.3 TLS_AES_256_GCM_SHA384" : ""; }

  asio::awaitable<void> close() override {
    pipe_->session_closed = true;
    co_return;
  }
  void interrupt() override {
    pipe_->interrupted = true;
    pipe_->wake.cancel();
  }

 private:
  std::shared_ptr<memory_peer::pipe> pipe_;
};

memory_peer::memory_peer(asio::any_io_executor executor)
    : pipe_{std::make_shared<pipe>(std::move(executor))} {}

std::unique_ptr<byte_stream> memory_peer::make_stream(bool offers_tls) {
  pipe_->offers_tls = offers_tls;
  return std::make_unique<memory_stream>(pipe_);
}

void memory_peer::send(std::string_view bytes) {
  pipe_->to_session += bytes;
  pipe_->waiting = false;
  pipe_->wake.cancel();
}

void memory_peer::close() {
  pipe_->peer_closed = true;
  pipe_->waiting = false;
  pipe_->wake.cancel();
}

void memory_peer::time_out() {
  pipe_->timed_out = true;
  pipe_->waiting = false;
  pipe_->wake.cancel();
}

bool memory_peer::is_session_waiting() const {
  return pipe_->waiting && !pipe_->interrupted && pipe_->to_session.size() == pipe_->taken;
}

}  // namespace consentry::tests
